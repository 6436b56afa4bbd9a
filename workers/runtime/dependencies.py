"""What a worker's agents share: built once by `app.py`, passed to every agent."""

from collections.abc import Callable
from dataclasses import dataclass

from models.ranking.fusion import Fusion
from models.state.user_state import UserState
from workers.control.active_version import ActiveVersion
from workers.control.learner import Learner
from workers.control.running import Running
from workers.index.port import Index
from workers.indexing.audit import IndexAudit
from workers.indexing.service import IndexService
from workers.indexing.vocabulary import Vocabulary
from workers.indexing.writer import IndexWriter
from workers.items.following import ItemFollower
from workers.items.items import Items
from workers.items.points import ItemPoints
from workers.items.room import CountsRoom
from workers.items.snapshots import Snapshots
from workers.metrics import Metrics
from workers.recommend.controls import RuleBook
from workers.recommend.question import Answering
from workers.recommend.replies import ReplySender
from workers.records.mapping import Mappings
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.table import Table
from workers.stream.writer import Writer
from workers.topics import Topics
from workers.users.progress import Progress


@dataclass(slots=True)
class Dependencies:
    """State, index, clients and rules of one worker."""

    settings: Settings
    topics: Topics
    mappings: Mappings
    metrics: Metrics
    scheduler: Scheduler
    progress: Progress
    users: Table[UserState]
    items: Items
    points: ItemPoints
    index: Index
    index_waits: Callable[[], bool]
    vocabulary: Vocabulary
    index_service: IndexService
    index_writer: IndexWriter
    index_audit: IndexAudit
    snapshots: Snapshots
    counts_room: CountsRoom
    item_follower: ItemFollower
    writer: Writer
    replies: ReplySender
    active_vectors: ActiveVersion
    fusion: Fusion
    rules: RuleBook
    pipeline: Answering
    experiments: Running
    learner: Learner | None
