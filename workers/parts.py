"""What a worker's agents share: built once by `app.py`, passed to every agent."""

from collections.abc import Callable
from dataclasses import dataclass

from models.fusion import Fusion
from models.user_state import UserState
from workers.collaborative.follow import ActiveVersion
from workers.experiments.running import Running
from workers.fold_vectors import FoldVectors
from workers.index.port import Index
from workers.index_audit import IndexAudit
from workers.index_service import IndexService
from workers.index_writer import IndexWriter
from workers.item_points import ItemPoints
from workers.learner import Learner
from workers.metrics import Metrics
from workers.progress import Progress
from workers.query.controls import RuleBook
from workers.query.fallback import Answering
from workers.query.shelf import Shelf
from workers.records.mapping import Mappings
from workers.replies import ReplySender
from workers.rows import ItemRow
from workers.settings import Settings
from workers.stream.table import Table
from workers.stream.writer import Writer
from workers.topics import Topics
from workers.turns import Turns
from workers.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Parts:
    """State, index, clients and rules of one worker; `shelf` only where the index may be away."""

    settings: Settings
    topics: Topics
    mappings: Mappings
    metrics: Metrics
    turns: Turns
    progress: Progress
    users: Table[UserState]
    items: Table[ItemRow]
    points: ItemPoints
    index: Index
    index_waits: Callable[[], bool]
    vocabulary: Vocabulary
    index_service: IndexService
    index_writer: IndexWriter
    index_audit: IndexAudit
    shelf: Shelf | None
    vectors: FoldVectors
    writer: Writer
    replies: ReplySender
    active_vectors: ActiveVersion
    fusion: Fusion
    rules: RuleBook
    pipeline: Answering
    experiments: Running
    learner: Learner | None
