"""What the items of an answer must satisfy: the `filters` of a request."""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, FailFast, Field
from pydantic_core import PydanticCustomError

from workers.records.codes import Reason
from workers.records.fields import (
    MAX_LABEL_CHARS,
    Label,
    Price,
    PublicationTime,
    Scalar,
    Tags,
    WireModel,
    listed,
    number,
)

MAX_CATEGORIES = 256
MAX_ATTRIBUTE_FILTERS = 32
MAX_RATING = 5
MAX_DAYS = 36_500
MAX_MAGNITUDE = 2**53  # beyond it JSON's numbers are not exact in most languages

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")


def _attribute_name(value: object) -> object:
    """Dots and brackets would be a path to the index."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise PydanticCustomError(
        Reason.OUT_OF_RANGE, "an attribute to filter by must be named with letters, digits, _ and - only"
    )


@dataclass(frozen=True, slots=True)
class FromProfile:
    """The value that the user's profile holds under the name `profile`; `default` where it holds none."""

    profile: str
    default: Scalar | None = None


def _scalar_or_reference(value: Any) -> Any:
    if not isinstance(value, dict):
        return _scalar(value)
    name, default = value.get("profile"), value.get("default")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_LABEL_CHARS or value.keys() - {"profile", "default"}:
        raise PydanticCustomError(
            Reason.WRONG_TYPE,
            "must be text, a number, a truth value, or an object with the name of an attribute of the profile as "
            "'profile' and, if you like, a 'default'",
        )
    return FromProfile(name, None if default is None else _scalar(default))


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > MAX_LABEL_CHARS:
            raise PydanticCustomError(Reason.TOO_LARGE, "a text to filter by must have at most 256 characters")
        return value
    if not isinstance(value, int | float):
        raise PydanticCustomError(Reason.WRONG_TYPE, "must be text, a number or a truth value")
    if not math.isfinite(value) or abs(value) > MAX_MAGNITUDE:
        raise PydanticCustomError(Reason.OUT_OF_RANGE, "a number to filter by must lie within ±2^53")
    return value


Rating = Annotated[float, BeforeValidator(number), Field(ge=0, le=MAX_RATING, allow_inf_nan=False)]
Days = Annotated[float, BeforeValidator(number), Field(gt=0, le=MAX_DAYS, allow_inf_nan=False)]
Categories = Annotated[tuple[Label, ...], FailFast(), Field(max_length=MAX_CATEGORIES), BeforeValidator(listed)]
AttributeFilters = Annotated[
    dict[Annotated[str, BeforeValidator(_attribute_name)], Annotated[Any, BeforeValidator(_scalar_or_reference)]],
    Field(max_length=MAX_ATTRIBUTE_FILTERS),
]


class PriceRange(WireModel, extra="forbid"):
    """Both ends belong to the range; an item without a price is outside every range."""

    min: Price | None = None
    max: Price | None = None


class Filters(WireModel, extra="forbid"):
    """What an item must satisfy, all at once; an unknown filter is refused, not ignored.

    `category`: one of these; `category_not`: none of these (items without a category stay); `tags`: all of
    these; `tags_any`: at least one; `available`: false lets unavailable items in too; `published_since`:
    epoch ms, that moment included; `published_within_days`: no longer than that before the request;
    `min_mean_rating`: 1 to 5 stars, an item without ratings does not pass; `preferred`: one of the
    categories that the user's profile prefers, any if it prefers none.
    """

    category: Categories = ()
    category_not: Categories = ()
    price: PriceRange = PriceRange()
    tags: Tags = ()
    tags_any: Tags = ()
    available: bool = True
    attributes: AttributeFilters = Field(default_factory=dict[str, Scalar | FromProfile])
    published_since: PublicationTime | None = None
    published_within_days: Days | None = None
    min_mean_rating: Rating | None = None
    preferred: bool = False
