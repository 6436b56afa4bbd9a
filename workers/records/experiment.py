"""An experiment as published on `experiments`: who sees which variant, and what that changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.fields import Id, WireModel, listed, number
from workers.records.request import Kind, Request
from workers.records.rules import Rules
from workers.records.wire import key_text, parse_object, validated

MAX_VARIANTS = 8  # more share the users so thinly that no difference is found, and each is a label of the live score
MAX_SCENARIOS = 100
MAX_WEIGHT = 1e6

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
"""Part of replies, labels and table rows: lower-case letters, digits, - and _."""


class _Whole(WireModel):
    """What decides by what is written here: a misspelled field must not be taken for one left out."""

    model_config = ConfigDict(extra="forbid")


class VariantSettings(Rules, extra="forbid"):
    """What a variant changes: any field of `Rules`, over those of the scenario, and two more.

    `width`: candidates asked of each source.
    """

    ranker: Literal["online", "fixed"] | None = None
    width: Annotated[int, BeforeValidator(number), Field(ge=10, le=1_000)] | None = None

    @property
    def changed(self) -> frozenset[str]:
        """Names of the settings that are not left as they are."""
        return frozenset(self.model_fields_set - {"note"})

    def with_others(self, other: "VariantSettings") -> "VariantSettings":
        """These, and those of another experiment, which changes others."""
        return self.model_copy(update={name: getattr(other, name) for name in other.changed})


AS_DEPLOYED = VariantSettings()

DEFAULT_VARIANT = "default"
"""The variant of an answer that is part of no experiment."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The variant of an answer, as the reply names it, and what it changes."""

    variant: str = DEFAULT_VARIANT
    settings: VariantSettings = AS_DEPLOYED


class Variant(_Whole):
    """One way to answer; a `shadow` is scored on what users choose, but never shown."""

    name: Name
    weight: Annotated[float, BeforeValidator(number), Field(gt=0, le=MAX_WEIGHT)] | None = None
    settings: VariantSettings = AS_DEPLOYED
    shadow: bool = False

    @model_validator(mode="after")
    def _is_shown_or_shadow(self) -> Self:
        if self.shadow and self.weight is not None:
            raise PydanticCustomError(Reason.OUT_OF_RANGE, "a shadow is never shown: leave its weight out, or shadow")
        return self


class Experiment(_Whole):
    """Variants side by side; of those shown the first is the control. Empty `kinds` or `scenarios`: all requests."""

    name: Name
    variants: Annotated[tuple[Variant, ...], Field(min_length=1, max_length=MAX_VARIANTS)]
    kinds: Annotated[tuple[Kind, ...], Field(max_length=10), BeforeValidator(listed)] = ()
    scenarios: Annotated[tuple[Id, ...], Field(max_length=MAX_SCENARIOS), BeforeValidator(listed)] = ()

    @property
    def shown(self) -> tuple[Variant, ...]:
        """Variants that users are assigned to, the control first."""
        return tuple(variant for variant in self.variants if not variant.shadow)

    @property
    def weights(self) -> tuple[float, ...]:
        """Of the variants shown, in their order."""
        return tuple(1.0 if variant.weight is None else variant.weight for variant in self.shown)

    @property
    def changed(self) -> frozenset[str]:
        """Settings that differ in any variant."""
        return frozenset().union(*(variant.settings.changed for variant in self.shown))

    def label(self, variant: Variant) -> str:
        """The variant's name for replies and metrics."""
        return f"{self.name}/{variant.name}"

    def takes(self, request: Request) -> bool:
        """Whether an answer to this request is part of the experiment."""
        return (not self.kinds or request.kind in self.kinds) and (
            not self.scenarios or request.scenario in self.scenarios
        )

    def meets(self, other: "Experiment") -> bool:
        """Whether one request can be part of both."""
        return _overlap(self.kinds, other.kinds) and _overlap(self.scenarios, other.scenarios)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            raise PydanticCustomError(Reason.OUT_OF_RANGE, "two variants have one name")
        if not self.shown:
            raise PydanticCustomError(Reason.OUT_OF_RANGE, "all variants are shadows: one must be shown, the control")
        return self


def decode_experiment(value: bytes | None, key: bytes | None) -> Experiment:
    """The definition, or `BadRecordError`; its key must be its name, because the topic keeps one record a key."""
    found = validated(Experiment, _given(parse_object(value)))
    if key_text(key) != found.name:
        raise BadRecordError(Reason.INVALID_ID, f"experiment name={found.name!r}: the record's key must be its name")
    return found


def _given(value: Any) -> Any:
    """Without fields that are null: they are left out."""
    if isinstance(value, dict):
        return {name: _given(content) for name, content in value.items() if content is not None}
    return [_given(part) for part in value] if isinstance(value, list) else value


def _overlap(some: Sequence[str], others: Sequence[str]) -> bool:
    return not some or not others or not set(some).isdisjoint(others)
