"""Business rules of one scenario, as published on `recommendation-rules`; a null value takes them away."""

from typing import Annotated, Self

from pydantic import BeforeValidator, FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.fields import Id, Label, Text, WireModel, identifier, listed, number
from workers.records.filters import Filters
from workers.records.wire import key_text, parse_object, validated

DEFAULT = "default"
"""The scenario of requests that name none, or one without rules."""

EVERY = "*"
"""In `caps`: each category that is not named."""

MAX_RULES = 64
MAX_RULE_IDS = 1_000  # of one block or pin
MAX_PINS = 20
MAX_RANK = 100
MAX_LOGITS = 20.0  # e^20 times the odds: beyond it a boost is a pin

Share = Annotated[float, BeforeValidator(number), Field(ge=0, le=1, allow_inf_nan=False)]
Factor = Annotated[float, BeforeValidator(number), Field(ge=1e-6, le=1e6, allow_inf_nan=False)]
Logits = Annotated[float, BeforeValidator(number), Field(ge=-MAX_LOGITS, le=MAX_LOGITS, allow_inf_nan=False)]
Ids = Annotated[tuple[Id, ...], FailFast(), Field(max_length=MAX_RULE_IDS), BeforeValidator(listed)]
Most = Annotated[int, Field(ge=1, le=MAX_RANK)]


def _refused(code: Reason, message: str) -> PydanticCustomError:
    return PydanticCustomError(code, message)


class Where(Filters):
    """Which items a rule is about: what a request's filters say, at least one of them."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if "available" in self.model_fields_set:
            raise _refused(Reason.UNKNOWN_FIELD, "a rule takes no 'available': the request's filters decide on that")
        if not any(name in self.model_fields_set and getattr(self, name) for name in _DECIDING) and (
            self.price.min is None and self.price.max is None and self.min_mean_rating is None
        ):
            raise _refused(Reason.MISSING_FIELD, "name at least one filter: a rule on every item has no effect")
        return self


_DECIDING = frozenset(Filters.model_fields) - {"available", "price", "min_mean_rating"}


class Boost(WireModel, extra="forbid"):
    """Items that meet `where` are ranked as if they were chosen `factor` times as often, or by `add` logits more."""

    name: Label
    where: Where
    factor: Factor | None = None
    add: Logits | None = None

    @model_validator(mode="after")
    def _has_one_strength(self) -> Self:
        if (self.factor is None) == (self.add is None):
            raise _refused(Reason.MISSING_FIELD, "a boost needs either a factor or logits to add")
        return self


class Chosen(WireModel, extra="forbid"):
    """Items by their ids, or by what they are."""

    item_ids: Ids = ()
    where: Where | None = None

    @model_validator(mode="after")
    def _chooses_in_one_way(self) -> Self:
        if bool(self.item_ids) == (self.where is not None):
            raise _refused(Reason.MISSING_FIELD, "name either item_ids or where")
        return self


class Pin(Chosen, extra="forbid"):
    """The first of `item_ids` that may be shown, or the best item that meets `where`, stands at `rank`, from 1."""

    rank: Annotated[int, Field(ge=1, le=MAX_RANK)]


class Rules(WireModel, extra="forbid"):
    """What a scenario changes of its answers; what it does not name is that of the default scenario.

    `filters`: what every item must satisfy beside the request's own; `caps`: at most so many items of a category on
    a page, `*` for each that is not named; `blocks`: what is never shown; `explore`: share of the places that
    items with few events get.
    """

    note: Text = ""
    diversity: Share | None = None
    explore: Share | None = None
    filters: Filters = Filters()
    caps: Annotated[dict[Label, Most], Field(max_length=MAX_RULES)] = Field(default_factory=dict[str, int])
    boosts: Annotated[tuple[Boost, ...], Field(max_length=MAX_RULES)] = ()
    blocks: Annotated[tuple[Chosen, ...], Field(max_length=MAX_RULES)] = ()
    pins: Annotated[tuple[Pin, ...], Field(max_length=MAX_PINS)] = ()

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        if len({pin.rank for pin in self.pins}) < len(self.pins):
            raise _refused(Reason.OUT_OF_RANGE, "two pins have the same rank")
        if len({boost.name for boost in self.boosts}) < len(self.boosts):
            raise _refused(Reason.OUT_OF_RANGE, "two boosts have the same name")
        return self


def decode_rules(value: bytes | None, key: bytes | None) -> tuple[str, Rules | None]:
    """The scenario that the key names and its rules, None where they are taken away; raises `BadRecordError`."""
    scenario = scenario_of(key)
    if value is None:
        return scenario, None
    try:
        return scenario, validated(
            Rules, {name: said for name, said in parse_object(value).items() if said is not None}
        )
    except BadRecordError as error:
        raise BadRecordError(error.code, f"rules of scenario {scenario!r}: {error}") from None


def scenario_of(key: bytes | None) -> str:
    """The scenario that a record's key names; raises `BadRecordError` where it names none."""
    text = key_text(key)
    if text is None:
        raise BadRecordError(
            Reason.MISSING_FIELD, f"rules need the name of their scenario as their key, in UTF-8, or {DEFAULT!r}"
        )
    try:
        return identifier(text)
    except PydanticCustomError as error:
        raise BadRecordError(error.type, f"name of a scenario: {error.message()}") from None
