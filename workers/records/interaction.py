"""What a user did with items, as published on `user-interactions`."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from workers.records.aliases import EVENT_TYPES, INTERACTION_ITEM_FIELDS, IRRELEVANT_EVENTS, looked_up
from workers.records.body import Fields, event_fields
from workers.records.cloud_events import Headers
from workers.records.codes import Reason
from workers.records.fields import EventTime, Id, Number, Price, WireModel, moved_from_future
from workers.records.mapping import Mapping
from workers.records.wire import key_text, rename, validated

MAX_ITEMS = 1000  # of one order or one list that was shown
DEFAULT_FUTURE_TOLERANCE_MS = 60_000

EventType = Literal[
    "view",
    "click",
    "add_to_cart",
    "purchase",
    "rating",
    "like",
    "dislike",
    "impression",
    "bookmark",
    "watch",
    "search",
]


def _event_type(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError(Reason.WRONG_TYPE, "an event type must be text")
    known = EVENT_TYPES.get(value) or EVENT_TYPES.get(looked_up(value))
    if known is not None:
        return known
    if looked_up(value) in IRRELEVANT_EVENTS:
        raise PydanticCustomError(Reason.IRRELEVANT_EVENT, "{type} says nothing on an item", {"type": repr(value)})
    raise PydanticCustomError(Reason.UNKNOWN_EVENT_TYPE, "{type} is not an event type", {"type": repr(value[:64])})


def _interaction_item(value: Any) -> Any:
    return rename(value, INTERACTION_ITEM_FIELDS) if isinstance(value, dict) else {"item_id": value}


class InteractionItem(WireModel):
    """One line of an order or one place of a list."""

    item_id: Id
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    price: Price | None = None
    position: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Interaction(WireModel):
    """One event of one user or guest; `event_time` is epoch ms, `time_clamped` says that it was moved.

    `value` is a rating in stars (3 is neutral), or the share that was watched, 0 to 1.
    """

    event_type: Annotated[EventType, BeforeValidator(_event_type)]
    event_id: Id | None = None
    user_id: Id | None = None
    anonymous_id: Id | None = None
    session_id: Id | None = None
    item_id: Id | None = None
    items: Annotated[
        tuple[Annotated[InteractionItem, BeforeValidator(_interaction_item)], ...],
        FailFast(),
        Field(max_length=MAX_ITEMS),
    ] = ()
    value: Number | None = None
    event_time: EventTime
    recommendation_id: Id | None = None
    scenario: Id | None = None
    time_clamped: bool = False

    @property
    def subject(self) -> str:
        """Whose history this belongs to: the user's id, else the guest's."""
        return self.user_id or self.anonymous_id or ""

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Every item touched, once, in the order given; empty only for a search."""
        if not self.items:
            return (self.item_id,) if self.item_id else ()
        given = [item.item_id for item in self.items]
        return tuple(dict.fromkeys([self.item_id, *given] if self.item_id else given))

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.user_id is None and self.anonymous_id is None:
            raise _missing("user_id or anonymous_id (or a key)")
        if self.item_id is None and not self.items and self.event_type != "search":
            raise _missing("item_id or items")
        if self.value is None and self.event_type == "rating":
            raise _missing("value, which a rating needs")
        if self.event_type == "watch" and self.value is not None and not 0 <= self.value <= 1:
            raise PydanticCustomError(Reason.OUT_OF_RANGE, "the value of watch is the share watched, 0 to 1")
        return self


def decode_interaction(
    value: bytes | None,
    key: bytes | None,
    record_time_ms: int,
    future_tolerance_ms: int = DEFAULT_FUTURE_TOLERANCE_MS,
    headers: Headers = (),
    mapping: Mapping | None = None,
) -> Interaction:
    """The interaction, or `BadRecordError`; without a user in the body the key is the user's id.

    An event without a time happened at the record's own; one later than the record's own time plus the
    tolerance is moved back to it, and says so. `mapping` holds a topic's own names.
    """
    return interaction_of(event_fields(value, headers, mapping), key, record_time_ms, future_tolerance_ms)


def interaction_of(fields: Fields, key: bytes | None, record_time_ms: int, future_tolerance_ms: int) -> Interaction:
    """The interaction that these fields describe; as `decode_interaction`."""
    if "user_id" not in fields and "anonymous_id" not in fields and (text := key_text(key)):
        fields["user_id"] = text
    fields.setdefault("event_time", record_time_ms)
    event = validated(Interaction, fields)
    return moved_from_future(event, event.event_time, record_time_ms, future_tolerance_ms)


def _missing(what: str) -> PydanticCustomError:
    return PydanticCustomError(Reason.MISSING_FIELD, "has no {what}", {"what": what})
