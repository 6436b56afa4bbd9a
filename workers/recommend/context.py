"""Stage 1: what is known of the user and of the items asked about, and what the sources will be asked."""

from dataclasses import dataclass, replace

from models.primitives.words import SearchedText
from models.ranking.fusion import Situation
from models.retrieval.item_table import ItemTable
from models.retrieval.retrieval import Asked
from models.state.profile import Profile
from models.state.user_state import UserState
from workers.items.items import Items
from workers.items.points import EMBEDDING
from workers.recommend.controls import NEUTRAL, Controls
from workers.recommend.paging import Page, page_of
from workers.recommend.question import Question
from workers.recommend.search import Search, SearchedIndex
from workers.records.reply import AsOf
from workers.records.request import Request

NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Known:
    """What requests are understood by: items, what the index can be asked, and the moment of popular lists."""

    items: Items
    index: SearchedIndex
    moment: int

    @property
    def table(self) -> ItemTable:
        """All items by slot."""
        return self.items.table

    def asking(self, context: "QueryContext", asked: Asked, *more: Search | None) -> "QueryContext":
        """`context` with what is asked of the table, and of the index: what is like its queries, and `more`.

        Embeddings of a small catalog are compared in memory; but a text is matched by what the index finds.
        """
        compares = context.text is None and len(self.table) <= self.index.compared
        searches = [] if compares else [Search(source, EMBEDDING, vector) for source, vector in asked.dense.items()]
        others = (one for one in more if one is not None)
        return replace(context, asked=asked, compares=compares, searches=(*searches, *others))


@dataclass(frozen=True, slots=True)
class QueryContext:
    """A request and what it is about.

    `recent`: distinct items of the past, newest first; `asked`: of the item table; `searches`: of the index, at most
    two; `compares`: embeddings are compared in memory instead; `text`: that is searched for.
    """

    request: Request
    page: Page
    situation: Situation
    user: UserState | None = None
    controls: Controls = NEUTRAL
    as_of: AsOf | None = None
    recent: tuple[str, ...] = ()
    asked: Asked = NOTHING
    searches: tuple[Search, ...] = ()
    compares: bool = False
    text: SearchedText | None = None

    @property
    def profile(self) -> Profile:
        """What the user said of themselves, empty of a stranger."""
        return self.user.profile if self.user else Profile()

    @property
    def only_available(self) -> bool:
        """Whether items that are unavailable may not be shown: the request or a rule may want that."""
        ruled = self.controls.filters
        return self.request.filters.available or (ruled.available and "available" in ruled.model_fields_set)

    @property
    def hides_seen(self) -> bool:
        """Whether items that the user had may not come back: who searches may look for just these."""
        return self.request.kind != "search"


def bare_context(question: Question, controls: Controls) -> QueryContext:
    """The context before anything of its kind is known; raises `BadRecordError` for a page token that is not ours."""
    request, user = question.request, question.user
    situation = Situation("for_user" if request.kind == "session" else request.kind)
    page = page_of(request, question.recommendation_id)
    return QueryContext(request, page, situation, user, controls)


def as_of(user: UserState, partition: int) -> AsOf:
    """How far an answer holds the events of a user with a past."""
    return AsOf(partition, user.watermarks.get(partition, -1), user.last_time_ms or 0)
