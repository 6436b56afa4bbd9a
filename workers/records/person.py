"""What is known of a person, published on `user-interactions`: who a guest is, what describes them, that they go."""

from typing import Annotated, Any, Self

import orjson
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from workers.records.codes import Reason
from workers.records.fields import (
    MAX_ATTRIBUTES,
    EventTime,
    Id,
    Label,
    WireModel,
    moved_from_future,
    plain_json,
    split_tags,
)
from workers.records.wire import key_text, validated

MAX_PROFILE_BYTES = 16 * 1024  # of JSON: a profile is part of its user's row
MAX_CATEGORIES = 64


def _trait(value: Any) -> Any:
    return None if value is None else plain_json(value)


Traits = Annotated[dict[Label, Annotated[Any, BeforeValidator(_trait)]], Field(max_length=MAX_ATTRIBUTES)]
Categories = Annotated[tuple[Label, ...], Field(max_length=MAX_CATEGORIES), BeforeValidator(split_tags)]


class _Person(WireModel):
    event_id: Id | None = None
    user_id: Id | None = None
    anonymous_id: Id | None = None
    event_time: EventTime
    time_clamped: bool = False

    @property
    def subject(self) -> str:
        """Whose row this changes, and so the record's key: the user's id, else the guest's."""
        return self.user_id or self.anonymous_id or ""

    @model_validator(mode="after")
    def _has_a_subject(self) -> Self:
        if not self.subject:
            raise PydanticCustomError(Reason.MISSING_FIELD, "has no user_id or anonymous_id (or a key)")
        return self


class Profile(_Person):
    """Attributes of a user or guest; those not named stay as they are, null removes one.

    `preferred_categories` replaces the list where it is given.
    """

    attributes: Traits = Field(default_factory=dict)
    preferred_categories: Categories | None = None

    @model_validator(mode="after")
    def _is_small(self) -> Self:
        if len(orjson.dumps([self.attributes, self.preferred_categories])) > MAX_PROFILE_BYTES:
            raise PydanticCustomError(Reason.TOO_LARGE, "a profile must have at most 16 KiB of JSON")
        return self


class Identify(Profile):
    """A guest turns out to be a user, once; the guest's history is to become the user's.

    Its key is the guest's id: the guest's row is the one to close. What is known of the user may come along.
    """

    user_id: Id
    anonymous_id: Id

    @property
    def subject(self) -> str:
        """The guest: whose row this closes."""
        return self.anonymous_id

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.user_id == self.anonymous_id:
            raise PydanticCustomError(Reason.INVALID_ID, "user_id and anonymous_id must differ")
        return self


class Erase(_Person):
    """Forget a user or guest."""


def person_of(
    kind: str, fields: dict[str, Any], key: bytes | None, record_time_ms: int, future_tolerance_ms: int
) -> Identify | Erase | Profile:
    """The record of this kind (`identify`, `erase`, `profile`) that the fields describe; raises `BadRecordError`.

    The key stands for an id that the body leaves out: the guest's of an `identify`, else the user's.
    """
    missing = "anonymous_id" if kind == "identify" else "user_id"
    nameless = kind == "identify" or "anonymous_id" not in fields
    if missing not in fields and nameless and (text := key_text(key)):
        fields[missing] = text
    fields.setdefault("event_time", record_time_ms)
    person = validated(_MODELS[kind], fields)
    return moved_from_future(person, person.event_time, record_time_ms, future_tolerance_ms)


_MODELS: dict[str, type[Identify] | type[Erase] | type[Profile]] = {
    "identify": Identify,
    "erase": Erase,
    "profile": Profile,
}
