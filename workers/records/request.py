"""A request for recommendations, as published on `recommendation-requests`."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from workers.records.aliases import REQUEST_FIELDS
from workers.records.cloud_events import opened
from workers.records.codes import Reason
from workers.records.fields import EventTime, Id, WireModel, listed
from workers.records.filters import Filters as Filters
from workers.records.headers import InHeaders, header_text
from workers.records.wire import key_text, rename, validated

MAX_LIMIT = 100
MAX_EXCLUDED = 10_000
MAX_ITEM_IDS = 100
MAX_TEXT_CHARS = 1_000
MAX_PAGE_CHARS = 16_384  # of `next`: its keys of a thousand items take 10,667
MAX_DEADLINE_MS = 3_600_000

# Checked as text only, in one pass of compiled code: an id that can't exist excludes nothing.
Excluded = Annotated[
    frozenset[Annotated[str, Field(coerce_numbers_to_str=True)]],
    Field(max_length=MAX_EXCLUDED),
]
Kind = Literal["for_user", "similar_items", "bought_together", "trending", "search", "session"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Fields that change the answers of these kinds only: with another kind they are refused, because a client that sends
# them expects something else than they would get.
_TAKEN_BY: dict[str, tuple[Kind, ...]] = {
    "item_ids": ("similar_items", "bought_together", "session"),
    "text": ("search",),
    "personalised": ("search",),
    "by": ("trending",),
    "precomputed": ("similar_items",),
}


def _supported(value: object) -> object:
    if value not in KINDS:
        raise PydanticCustomError(
            Reason.UNSUPPORTED_KIND,
            "{kind} is not a kind of request, use one of {kinds}",
            {"kind": repr(value[:64]) if isinstance(value, str) else "this", "kinds": ", ".join(KINDS)},
        )
    return value


class MinOffset(WireModel):
    """The answer must hold this record of `user-interactions`."""

    partition: Annotated[int, Field(ge=0, lt=2**31)]
    offset: Annotated[int, Field(ge=0, lt=2**63)]


class Request(WireModel):
    """One request; `record_time_ms` is when its record was stamped, from which `deadline_ms` counts.

    `explain`: whether each item says why; `counterfactual`, where it would be without its strongest reason as well.
    `item_ids` of a session are what was viewed, oldest first; `next` is that of the answer to be continued.
    """

    kind: Annotated[Kind, BeforeValidator(_supported)] = "for_user"
    user_id: Id | None = None
    anonymous_id: Id | None = None
    session_id: Id | None = None
    item_ids: Annotated[tuple[Id, ...], FailFast(), Field(max_length=MAX_ITEM_IDS), BeforeValidator(listed)] = ()
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] = ""
    personalised: bool = False
    by: Literal["events", "day"] = "events"
    precomputed: bool = False
    next: Annotated[str, Field(max_length=MAX_PAGE_CHARS)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 10
    exclude: Excluded = frozenset()
    filters: Filters = Filters()
    diversity: Annotated[float, Field(ge=0, le=1)] | None = None
    explain: bool | Literal["counterfactual"] = False
    min_offset: MinOffset | None = None
    deadline_ms: Annotated[int, Field(ge=1, le=MAX_DEADLINE_MS)] | None = None
    scenario: Id | None = None
    event_time: EventTime | None = None
    record_time_ms: int = 0

    @property
    def asked_at_ms(self) -> int:
        """When the request was made: the time given, as for a replay, else the record's."""
        return self.record_time_ms if self.event_time is None else self.event_time

    @property
    def subject(self) -> str:
        """Whose row counts: the user's id, else the guest's, else a session's, else none."""
        guest = self.user_id or self.anonymous_id or ""
        return guest or (self.session_id or "" if self.kind == "session" and not self.item_ids else "")

    @property
    def expires_at_ms(self) -> int | None:
        """Epoch ms after which the client waits no longer."""
        return None if self.deadline_ms is None else self.record_time_ms + self.deadline_ms

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for field in self.model_fields_set & _TAKEN_BY.keys():
            if self.kind not in _TAKEN_BY[field]:
                raise PydanticCustomError(
                    Reason.UNKNOWN_FIELD,
                    "{kind} takes no {field}: leave it out, or ask with kind {kinds}",
                    {"kind": self.kind, "field": field, "kinds": " or ".join(_TAKEN_BY[field])},
                )
        if missing := self._missing():
            raise PydanticCustomError(
                Reason.MISSING_FIELD, "{kind} needs {missing}", {"kind": self.kind, "missing": missing}
            )
        return self

    def _missing(self) -> str | None:
        match self.kind:
            case "for_user" if not self.subject:
                return "a user_id, an anonymous_id or a key"
            case "session" if not self.item_ids and not self.subject:
                return "item_ids, an anonymous_id, a session_id or a key"
            case "similar_items" | "bought_together" if not self.item_ids:
                return "item_ids"
            case "search" if not any(map(str.isalnum, self.text)):
                return "a text with at least one word"
            case "search" if self.personalised and not self.subject:
                return "a user_id, an anonymous_id or a key to be personalised"
        return None


def decode_request(value: bytes | None, key: bytes | None, record_time_ms: int, headers: InHeaders = ()) -> Request:
    """The request, or `BadRecordError`; where a request for a user names none, the key is the user.

    `deadline_ms` is a budget, from a header or else the body: the answer is worth something until the
    record's own timestamp plus so many milliseconds.
    """
    fields = rename(opened(value, headers)[0], REQUEST_FIELDS)
    if _is_of_key(fields) and (text := key_text(key)):
        fields["user_id"] = text
    budget = header_text(headers, "deadline_ms")
    if budget is not None:
        fields["deadline_ms"] = budget
    fields["record_time_ms"] = record_time_ms
    return validated(Request, fields)


def _is_of_key(fields: dict[str, Any]) -> bool:
    """Whether the key says who asks: other kinds may use it as they like."""
    if "user_id" in fields or "anonymous_id" in fields:
        return False
    match fields.get("kind", "for_user"):
        case "for_user":
            return True
        case "session":
            return not fields.get("item_ids") and "session_id" not in fields
        case "search":
            return bool(fields.get("personalised"))
    return False
