"""A question for recommendations, as published on `recommendation-requests`."""

from typing import Annotated, Literal, Self

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
MAX_DEADLINE_MS = 3_600_000

# Checked as text only, in one pass of compiled code: an id that can't exist excludes nothing.
Excluded = Annotated[
    frozenset[Annotated[str, Field(coerce_numbers_to_str=True)]],
    Field(max_length=MAX_EXCLUDED),
]
Kind = Literal["for_user", "similar_items", "trending"]
KINDS: tuple[Kind, ...] = ("for_user", "similar_items", "trending")


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
    """One question; `record_time_ms` is when its record was stamped, from which `deadline_ms` counts."""

    kind: Annotated[Kind, BeforeValidator(_supported)] = "for_user"
    user_id: Id | None = None
    anonymous_id: Id | None = None
    item_ids: Annotated[tuple[Id, ...], FailFast(), Field(max_length=MAX_ITEM_IDS), BeforeValidator(listed)] = ()
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 10
    exclude: Excluded = frozenset()
    filters: Filters = Filters()
    diversity: Annotated[float, Field(ge=0, le=1)] | None = None
    explain: bool = False
    min_offset: MinOffset | None = None
    deadline_ms: Annotated[int, Field(ge=1, le=MAX_DEADLINE_MS)] | None = None
    scenario: Id | None = None
    event_time: EventTime | None = None
    record_time_ms: int = 0

    @property
    def asked_at_ms(self) -> int:
        """When the question arose: the time given, as for a replay, else the record's."""
        return self.record_time_ms if self.event_time is None else self.event_time

    @property
    def subject(self) -> str:
        """Whose taste counts: the user's id, else the guest's, else nobody's."""
        return self.user_id or self.anonymous_id or ""

    @property
    def expires_at_ms(self) -> int | None:
        """Epoch ms after which nobody waits for the answer."""
        return None if self.deadline_ms is None else self.record_time_ms + self.deadline_ms

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.kind == "for_user" and not self.subject:
            raise PydanticCustomError(Reason.MISSING_FIELD, "for_user needs a user_id, an anonymous_id or a key")
        if self.kind == "similar_items" and not self.item_ids:
            raise PydanticCustomError(Reason.MISSING_FIELD, "similar_items needs item_ids")
        return self


def decode_request(value: bytes | None, key: bytes | None, record_time_ms: int, headers: InHeaders = ()) -> Request:
    """The request, or `BadRecordError`; a `for_user` without a user in the body means the key.

    `deadline_ms` is a budget, from a header or else the body: the answer is worth something until the
    record's own timestamp plus so many milliseconds.
    """
    fields = rename(opened(value, headers)[0], REQUEST_FIELDS)
    anonymous = "user_id" not in fields and "anonymous_id" not in fields
    if anonymous and fields.get("kind", "for_user") == "for_user" and (text := key_text(key)):
        fields["user_id"] = text
    budget = header_text(headers, "deadline_ms")
    if budget is not None:
        fields["deadline_ms"] = budget
    fields["record_time_ms"] = record_time_ms
    return validated(Request, fields)
