"""An item's row in the table of items: what the catalog says of it, how it is used, and its learned vectors."""

import struct
from collections.abc import Mapping, Sequence
from math import nan
from typing import Any, NamedTuple

import orjson

from models.primitives.packing import Reader, head
from models.primitives.sparse import SparseVector
from models.retrieval.sources import labels
from models.state.evidence import Evidence, Retraction
from models.state.item_state import ItemState
from models.state.watermarks import Watermarks
from workers.items.slots import Slots

_KIND, _VERSION = b"R", 4  # goes up with the layout of any part
_FIXED = struct.Struct("<qiI")
_ABSENT = -1

CATALOG_ORIGIN = 1 << 16
"""Number that `item-catalog` has among the origins of an item's row, far above those of evidence."""
FORWARDED_ORIGIN = CATALOG_ORIGIN + 1
"""Number of its partition 0, for records that were forwarded from there; the other partitions follow."""


class Facts(NamedTuple):
    """`users` who touched the item, its categories, its popularity per half-life (`ItemState.popularity_scores`).

    `day_score`: popularity with a half-life of a day (`ItemState.day_score`); `buyers`: users who bought it;
    `available`: may be shown by default.
    `price`: NaN where the catalog names none; `title`: empty where it names none.
    """

    users: int
    labels: tuple[str, ...]
    order_scores: Sequence[float]
    day_score: float = 0.0
    buyers: int = 0
    available: bool = True
    price: float = nan
    title: str = ""


class ItemRow:
    """Catalog entry, use and collaborative vectors of one item; any of them may come first.

    Evidence on an item that the catalog does not know yet counts at once and shows when the item arrives.
    `catalog`: canonical JSON, None while unknown or deleted; `catalog_offset`: watermark of `item-catalog`;
    `forwarded`: watermarks of the catalog's records that came to the wrong place first, by that place.
    """

    __slots__ = (
        "_available",
        "_facts",
        "_labels",
        "_price",
        "_title",
        "_transitions",
        "catalog",
        "catalog_offset",
        "forwarded",
        "slots",
        "use",
    )

    def __init__(self) -> None:
        self.catalog: bytes | None = None
        self.catalog_offset = -1
        self.forwarded = Watermarks()
        self.use = ItemState()
        self.slots = Slots()
        self._labels: tuple[str, ...] | None = None
        self._available = True
        self._price = nan
        self._title = ""
        self._facts: Facts | None = None
        self._transitions: SparseVector | None = None

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
        self.catalog, self.catalog_offset, self._labels, self._facts = catalog, offset, None, None
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

    def learn(self, evidence: Evidence) -> bool:
        """Apply one evidence; False when it was applied before."""
        self._facts = self._transitions = None
        return self.use.apply(evidence)

    def retract(self, retraction: Retraction) -> bool:
        """Take evidence back; False when that was done before."""
        self._facts = self._transitions = None
        return self.use.retract(retraction)

    def entry(self) -> dict[str, Any]:
        """The catalog entry, empty without one."""
        entry: dict[str, Any] = orjson.loads(self.catalog) if self.catalog else {}
        return entry

    def labels(self) -> tuple[str, ...]:
        """Categories under which the item is popular."""
        if self._labels is None:
            entry = self.entry()
            self._labels = labels(entry.get("category"), entry.get("tags", ()))
            self._available = bool(entry.get("available", True))
            self._price = entry.get("price", nan)
            self._title = entry.get("title", "")
        return self._labels

    def facts(self) -> Facts:
        """What ranking needs to know; kept until the row changes, because every request asks hundreds of rows."""
        if self._facts is None:
            use, named = self.use, self.labels()
            scores = use.popularity_scores()
            known = (self._available, self._price, self._title)
            self._facts = Facts(use.count, named, scores, use.day_score(), use.buyers, *known)
        return self._facts

    def transition_row(self) -> SparseVector:
        """`ItemState.transition_row`, kept until the row changes: answers and the index ask for the same one."""
        if self._transitions is None:
            self._transitions = self.use.transition_row()
        return self._transitions

    def order_scores(self) -> Sequence[float]:
        """Popularity per half-life, as `ItemState.popularity_scores`."""
        return self.facts().order_scores

    def marks(self) -> Mapping[int, int]:
        """The last offset applied of each origin, of evidence and of the catalog."""
        forwarded = {FORWARDED_ORIGIN + position: offset for position, offset in self.forwarded.items()}
        catalog = {CATALOG_ORIGIN: self.catalog_offset} if self.catalog_offset >= 0 else {}
        return {**self.use.watermarks, **catalog, **forwarded}

    def revision(self) -> list[int]:
        """How far each part is applied: equal here and in the index means that the index is up to date."""
        return [self.catalog_offset, sum(self.use.watermarks.values()), self.slots.newest]

    def whole_revision(self) -> list[int]:
        """The part of it that evidence does not move: a patch of what evidence changes must not vouch for the rest."""
        return [self.catalog_offset, self.slots.newest]

    def pack(self) -> bytes:
        """Versioned bytes, little-endian."""
        use = self.use.pack()
        size = _ABSENT if self.catalog is None else len(self.catalog)
        fixed = _FIXED.pack(self.catalog_offset, size, len(use))
        return b"".join(
            (head(_KIND, _VERSION), fixed, self.catalog or b"", use, self.forwarded.pack(), self.slots.pack())
        )

    @classmethod
    def unpack(cls, data: bytes) -> "ItemRow":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones."""
        reader = Reader(data, _KIND, _VERSION)
        offset, catalog_size, use_size = map(int, reader.fields(_FIXED))
        row = cls()
        row.catalog_offset = offset
        row.catalog = None if catalog_size == _ABSENT else reader.raw(catalog_size)
        row.use = ItemState.unpack(reader.raw(use_size))
        row.forwarded = Watermarks.read(reader)
        row.slots = Slots.read(reader)
        reader.end()
        return row


def is_uncataloged(packed: bytes) -> bool:
    """Whether a packed row is of an item that the catalog does not have: it is never shown."""
    if len(packed) < _HEAD_BYTES + _FIXED.size:
        return False
    _, catalog_size, _ = _FIXED.unpack_from(packed, _HEAD_BYTES)
    return bool(catalog_size == _ABSENT)


_HEAD_BYTES = len(head(_KIND, _VERSION))
