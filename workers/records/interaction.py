"""What a user did with items, as published on `user-interactions`."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from workers.errors import BadRecordError
from workers.records.aliases import EVENT_TYPES, INTERACTION_ITEM_FIELDS, looked_up
from workers.records.body import Fields, event_fields
from workers.records.cloud_events import Headers
from workers.records.codes import Reason
from workers.records.fields import Amount, EventTime, Id, Price, WireModel, moved_from_future
from workers.records.mapping import AS_THEY_ARE, Mapping
from workers.records.scale import RatingScale, Stars
from workers.records.wire import MAX_SHOWN_CHARS, key_text, of_record, rename, validated

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
    parts = ", nor is one of its parts" if "." in value else ""
    shown = {"type": repr(value[:MAX_SHOWN_CHARS]), "parts": parts}
    raise PydanticCustomError(Reason.UNKNOWN_EVENT_TYPE, "{type} is not an event type{parts}", shown)


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

    `value`: of a rating the stars, 0.5 to 5, once it is decoded (3 is neutral); of watching the share, 0 to 1; of
    a purchase of one item its price. It says nothing of other types.
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
    value: Amount | None = None
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
            share = {"value": f"{self.value:g}"}
            raise PydanticCustomError(
                Reason.OUT_OF_RANGE, "the value of watch is the share watched, 0 to 1, not {value}", share
            )
        return self


def decode_interaction(
    value: bytes | None,
    key: bytes | None,
    record_time_ms: int,
    future_tolerance_ms: int = DEFAULT_FUTURE_TOLERANCE_MS,
    headers: Headers = (),
    mapping: Mapping = AS_THEY_ARE,
) -> Interaction:
    """The interaction, or `BadRecordError`; without a user in the body the key is the user's id.

    An event without a time happened at the record's own; one later than the record's own time plus the
    tolerance is moved back to it, and says so. `mapping` holds a topic's own names and its scale of ratings.
    """
    return interaction_of(event_fields(value, headers, mapping), key, record_time_ms, future_tolerance_ms, mapping)


def interaction_of(
    fields: Fields, key: bytes | None, record_time_ms: int, future_tolerance_ms: int, mapping: Mapping
) -> Interaction:
    """The interaction that these fields describe; as `decode_interaction`."""
    if "user_id" not in fields and "anonymous_id" not in fields and (text := key_text(key)):
        fields["user_id"] = text
    fields.setdefault("event_time", record_time_ms)
    if mapping.scale.words and "value" in fields:
        fields["value"] = mapping.scale.number(fields["value"])
    try:
        event = validated(Interaction, fields)
    except BadRecordError as error:
        raise _unless_ignored(error, fields, mapping) from None
    if event.event_type == "rating":
        event = _in_stars(event, fields, mapping.scale)
    return moved_from_future(event, event.event_time, record_time_ms, future_tolerance_ms)


def _unless_ignored(error: BadRecordError, fields: Fields, mapping: Mapping) -> BadRecordError:
    named = fields.get("event_type")
    if error.code == Reason.UNKNOWN_EVENT_TYPE and isinstance(named, str) and mapping.ignored.holds(named):
        return BadRecordError(Reason.IRRELEVANT_EVENT, f"{named[:MAX_SHOWN_CHARS]!r} says nothing on an item")
    return error


def _in_stars(event: Interaction, fields: Fields, scale: RatingScale) -> Interaction:
    if event.value is None or isinstance(fields["value"], Stars):
        return event
    try:
        stars = scale.stars(event.value)
    except BadRecordError as error:
        raise BadRecordError(error.code, f"{of_record(Interaction, fields)}: {error}") from None
    return event if stars == event.value else event.model_copy(update={"value": stars})


def _missing(what: str) -> PydanticCustomError:
    return PydanticCustomError(Reason.MISSING_FIELD, "has no {what}", {"what": what})
