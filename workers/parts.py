"""What a worker's agents share: built once by `app.py`, passed to every agent."""

from dataclasses import dataclass

from models.user_state import UserState
from workers.index.port import Index
from workers.index_writer import IndexWriter
from workers.item_points import ItemPoints
from workers.metrics import Metrics
from workers.progress import Progress
from workers.query.pipeline import Pipeline
from workers.records.mapping import Mappings
from workers.replies import ReplySender
from workers.rows import ItemRow
from workers.settings import Settings
from workers.stream.table import Table
from workers.stream.writer import Writer
from workers.topics import Topics
from workers.turns import Turns
from workers.vectors import ItemVectors
from workers.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Parts:
    """State, index, clients and rules of one worker."""

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
    vocabulary: Vocabulary
    index_writer: IndexWriter
    vectors: ItemVectors
    writer: Writer
    replies: ReplySender
    pipeline: Pipeline
