"""An item's row in the table of entries: what the catalog says of it, and its learned vectors."""

import struct
from collections.abc import Mapping
from math import nan
from typing import Any

import orjson

from models.primitives.packing import Reader, head
from models.retrieval.catalog_columns import CatalogFacts
from models.retrieval.sources import labels
from models.state.watermarks import Watermarks
from workers.items.slots import Slots

KIND, VERSION = b"R", 5
"""Of a packed row; the version goes up with the layout of any part."""

_FIXED = struct.Struct("<qi")
_ABSENT = -1

CATALOG_ORIGIN = 1 << 16
"""Number that `item-catalog` has among the origins of an item's row, far above those of evidence."""
FORWARDED_ORIGIN = CATALOG_ORIGIN + 1
"""Number of its partition 0, for records that were forwarded from there; the other partitions follow."""


class ItemRow:
    """Catalog entry and learned vectors of one item; either may come first. How it is used is `ItemState`'s.

    `catalog`: canonical JSON, None while unknown or deleted; `catalog_offset`: watermark of `item-catalog`;
    `forwarded`: watermarks of the catalog's records that came to the wrong place first, by that place.
    """

    __slots__ = ("catalog", "catalog_offset", "forwarded", "slots")

    def __init__(self) -> None:
        self.catalog: bytes | None = None
        self.catalog_offset = -1
        self.forwarded = Watermarks()
        self.slots = Slots()

    def has_taken(self, offset: int, first: tuple[int, int] | None = None) -> bool:
        """Whether the catalog's record at `offset`, or a newer one, was taken.

        `first`: (partition, offset) where a forwarded record was before; forwarded twice, it is taken once.
        """
        if offset <= self.catalog_offset:
            return True
        return first is not None and first[1] <= self.forwarded.get(first[0], -1)

    def describe(self, catalog: bytes | None, offset: int, first: tuple[int, int] | None = None) -> bool:
        """Take the catalog's record, None for a deletion; False if it was taken before, see `has_taken`."""
        if self.has_taken(offset, first):
            return False
        self.catalog, self.catalog_offset = catalog, offset
        if first is not None:
            self.forwarded.advance(first)
        return True

    def restate(self, catalog: bytes | None, offset: int, forwarded: Mapping[int, int]) -> None:
        """Take what all records up to `offset`, and those forwarded from these places, came to."""
        self.describe(catalog, offset)
        for position in forwarded.items():
            self.forwarded.advance(position)

    @property
    def is_deleted(self) -> bool:
        """Whether the catalog had the item, and has it no more."""
        return self.catalog is None and self.catalog_offset >= 0

    def entry(self) -> dict[str, Any]:
        """The catalog entry, empty without one."""
        entry: dict[str, Any] = orjson.loads(self.catalog) if self.catalog else {}
        return entry

    def facts(self) -> CatalogFacts:
        """What the item table needs of the entry."""
        entry = self.entry()
        tags = entry.get("tags", ())
        return CatalogFacts(
            labels=labels(entry.get("category"), tags),
            category=entry.get("category"),
            tags=tags,
            price=_number(entry.get("price")),
            available=bool(entry.get("available", True)),
            published_at=_number(entry.get("published_at")),
            attributes=entry.get("attributes") or {},
        )

    def marks(self) -> Mapping[int, int]:
        """The last offset applied of each origin of the catalog."""
        forwarded = {FORWARDED_ORIGIN + position: offset for position, offset in self.forwarded.items()}
        catalog = {CATALOG_ORIGIN: self.catalog_offset} if self.catalog_offset >= 0 else {}
        return {**catalog, **forwarded}

    def revision(self) -> list[int]:
        """How far each part is applied: equal here and in the index means that the index is up to date."""
        return [self.catalog_offset, self.slots.newest]

    def pack(self) -> bytes:
        """Versioned bytes, little-endian."""
        size = _ABSENT if self.catalog is None else len(self.catalog)
        fixed = _FIXED.pack(self.catalog_offset, size)
        return b"".join((head(KIND, VERSION), fixed, self.catalog or b"", self.forwarded.pack(), self.slots.pack()))

    @classmethod
    def unpack(cls, data: bytes) -> "ItemRow":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones."""
        reader = Reader(data, KIND, VERSION)
        offset, catalog_size = map(int, reader.fields(_FIXED))
        row = cls()
        row.catalog_offset = offset
        row.catalog = None if catalog_size == _ABSENT else reader.raw(catalog_size)
        row.forwarded = Watermarks.read(reader)
        row.slots = Slots.read(reader)
        reader.end()
        return row


def _number(value: float | None) -> float:
    return nan if value is None else float(value)
