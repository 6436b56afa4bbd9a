"""What the items of an answer must satisfy: the `filters` of a request."""

import math
import re
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
)

MAX_CATEGORIES = 256
MAX_ATTRIBUTE_FILTERS = 32
MAX_MAGNITUDE = 2**53  # beyond it JSON's numbers are not exact in most languages

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")


def _attribute_name(value: object) -> object:
    """Dots and brackets would be a path to the index."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise PydanticCustomError(
        Reason.OUT_OF_RANGE, "an attribute to filter by must be named with letters, digits, _ and - only"
    )


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


Categories = Annotated[tuple[Label, ...], FailFast(), Field(max_length=MAX_CATEGORIES), BeforeValidator(listed)]
AttributeFilters = Annotated[
    dict[Annotated[str, BeforeValidator(_attribute_name)], Annotated[Any, BeforeValidator(_scalar)]],
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
    epoch ms, that moment included.
    """

    category: Categories = ()
    category_not: Categories = ()
    price: PriceRange = PriceRange()
    tags: Tags = ()
    tags_any: Tags = ()
    available: bool = True
    attributes: AttributeFilters = Field(default_factory=dict[str, Scalar])
    published_since: PublicationTime | None = None
