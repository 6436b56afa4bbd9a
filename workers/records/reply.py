"""Answers on the reply topic, and the short ones that say why there is no answer."""

from dataclasses import dataclass, field

import orjson

from workers.errors import BadRecordError
from workers.records.codes import RequestFailure


@dataclass(frozen=True, slots=True)
class RecommendationReason:
    """One part of an item's score; the contributions of an item sum to it.

    `kind` is followed_by, liked_by_similar_users, bought_together, similar_to, matches_text,
    popular_in_category, trending, personal, new or boosted; `item_id` is the item of the user's history, or of
    those asked about, behind it, if there is one; `rule` is the boost's name.
    """

    kind: str
    contribution: float
    item_id: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Without:
    """Rank and score that an item would have, had its user's events on `item_id` never happened.

    Computed over the same candidates; `rank` is by score alone.
    """

    item_id: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class RecommendedItem:
    """One recommendation; `rank` counts from 1 over all pages, a higher `score` of a page is better.

    `propensity`: chance of the item to be in this answer; `shown_as`: ranked, pinned or explored.
    `without`: only where asked for, of items with a reason that rests on an event of the user.
    """

    item_id: str
    score: float
    rank: int
    reasons: tuple[RecommendationReason, ...] = ()
    propensity: float = 1.0
    shown_as: str = "ranked"
    without: Without | None = None
    title: str = ""
    category: str | None = None
    image_url: str = ""
    url: str = ""
    price: float | None = None


@dataclass(frozen=True, slots=True)
class AsOf:
    """How far the answer holds the user's events: `offset` is the last one applied of the user's own `partition`.

    Where all of them were published in other partitions, it is the last place among those; −1 where all of them were
    those of a guest, who became the user. `event_time` of the newest event is epoch ms.
    """

    partition: int
    offset: int
    event_time: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `degraded` names what was missing, `took_ms` the milliseconds of each stage.

    `next` asks for more of it; None where nothing is left. `titles`: of the items that reasons refer to, by item id, as
    far as the catalog names them.
    """

    recommendation_id: str
    kind: str
    items: tuple[RecommendedItem, ...]
    as_of: AsOf | None = None
    variant: str = "default"
    degraded: tuple[str, ...] = ()
    took_ms: dict[str, float] = field(default_factory=dict)
    scenario: str | None = None
    next: str | None = None
    titles: dict[str, str] = field(default_factory=dict)
    correlation_id: str | int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A stable code for programs and a message for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """Why a request was not answered."""

    error: Failure
    correlation_id: str | int | None = None


def error_reply(error: Exception, correlation_id: str | int | None = None) -> ErrorReply:
    """The reply to a request that failed; what broke inside us stays inside.

    >>> error_reply(BadRecordError("missing_field", "similar_items needs item_ids")).error.code
    'missing_field'
    >>> error_reply(ZeroDivisionError("secret")).error.message
    'the request failed inside the service: try again'
    """
    if isinstance(error, BadRecordError):
        return ErrorReply(Failure(error.code, str(error)), correlation_id)
    failure = Failure(RequestFailure.INTERNAL_ERROR, "the request failed inside the service: try again")
    return ErrorReply(failure, correlation_id)


def encode_reply(reply: Reply | ErrorReply) -> bytes:
    """The reply as JSON in UTF-8; scores may be numpy numbers."""
    return orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)
