"""The third part of an item's row: its collaborative vectors, one a slot, and the records that bring them (no I/O)."""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.primitives.packing import Reader, head
from workers.errors import BadRecordError
from workers.index.validate import MAX_ABS_VALUE, checked_id
from workers.records.codes import Reason
from workers.records.times import LATEST_MS
from workers.records.wire import key_text

Vector = NDArray[np.float32]

SLOTS = ("a", "b")
"""Two are enough: one that answers, and one that a retraining fills, or that a rollback goes back to."""

_KIND, _VERSION = b"V", 1
_FIXED = struct.Struct("<qI")
_NEWEST = struct.Struct("<q")
_NUMBER = np.dtype("<f4")


class VectorRecord(NamedTuple):
    """One record of `item-vectors`: what `version` says of an item in a slot; None: it has no vector."""

    item_id: str
    slot: str
    version: int
    vector: Vector | None


class Slots:
    """The vectors of one item, {slot: (version, float32 (dim,))}, and the newest version that it has received.

    Versions ascend, and each concerns an item once: a record of that version or an older one changes nothing, wherever
    in whichever log it is. A replay is harmless. A slot that a version says nothing of is emptied by its record, so no
    slot ever mixes versions.

    >>> slots = Slots()
    >>> record = VectorRecord("i", "a", 7, np.ones(2, dtype=np.float32))
    >>> slots.take(record), slots.take(record), slots.version("a"), slots.version("b")
    (True, False, 7, None)
    """

    __slots__ = ("_held", "newest")

    def __init__(self) -> None:
        self.newest = -1
        self._held: dict[str, tuple[int, Vector]] = {}

    def take(self, record: VectorRecord) -> bool:
        """Take a record; False if it, or a later one, was taken before."""
        if record.version <= self.newest:
            return False
        self.newest = record.version
        if record.vector is None:
            self._held.pop(record.slot, None)
        else:
            self._held[record.slot] = (record.version, record.vector)
        return True

    def version(self, slot: str) -> int | None:
        """Whose vector is in a slot."""
        return self._held[slot][0] if slot in self._held else None

    def vectors(self) -> dict[str, Vector]:
        """float32 (dim,) by slot; empty slots are left out."""
        return {slot: vector for slot, (_, vector) in self._held.items()}

    def pack(self) -> bytes:
        """Newest version, then one flag byte and what it announces for each slot."""
        parts = [_NEWEST.pack(self.newest)]
        for slot in SLOTS:
            parts.append(bytes([slot in self._held]))
            if slot in self._held:
                parts.append(_pack(*self._held[slot]))
        return b"".join(parts)

    @classmethod
    def read(cls, reader: Reader) -> "Slots":
        """Read `pack`'s bytes; raises ValueError on truncated ones."""
        found = cls()
        (found.newest,) = map(int, reader.fields(_NEWEST))
        for slot in SLOTS:
            if reader.raw(1) != b"\0":
                found._held[slot] = _read(reader)
        return found


def key_of(item_id: str, slot: str) -> bytes:
    """Key of a record: with the slot, else compaction would take one slot's vector for the other's."""
    return f"{slot}/{item_id}".encode()


def value_of(version: int, vector: Vector | None) -> bytes:
    """Value of a record: 14 bytes and 4 a dimension."""
    return head(_KIND, _VERSION) + _pack(version, np.zeros(0, dtype=np.float32) if vector is None else vector)


def vector_record(key: bytes | None, value: bytes | None, dim: int) -> VectorRecord:
    """Read a record; `BadRecordError` for one that is not ours, of another dimension, or not finite."""
    text = key_text(key) or ""
    slot, _, item_id = text.partition("/")
    if slot not in SLOTS or not item_id:
        raise BadRecordError(
            Reason.INVALID_ID, f"key {text[:64]!r} is not a slot and an item: use `tastestream retrain`"
        )
    try:
        reader = Reader(value or b"", _KIND, _VERSION)
        version, vector = _read(reader)
        reader.end()
    except ValueError as error:
        raise BadRecordError(Reason.BAD_VECTOR, f"item {item_id!r}: {error}; use `tastestream retrain`") from error
    if not 0 < version < LATEST_MS:
        raise BadRecordError(
            Reason.BAD_VECTOR, f"item {item_id!r}: {version} is no version, and later ones would never count"
        )
    if len(vector) not in (0, dim) or not (np.abs(vector) <= MAX_ABS_VALUE).all():
        raise BadRecordError(
            Reason.BAD_VECTOR,
            f"item {item_id!r}: {len(vector)} dimensions, or numbers beyond all bounds; this deployment has {dim} "
            "(setting TASTESTREAM_COLLABORATIVE_DIM): retrain with it",
        )
    return VectorRecord(checked_id(item_id), slot, version, vector if len(vector) else None)


def _pack(version: int, vector: Vector) -> bytes:
    return _FIXED.pack(version, len(vector)) + vector.astype(_NUMBER, copy=False).tobytes()


def _read(reader: Reader) -> tuple[int, Vector]:
    version, size = map(int, reader.fields(_FIXED))
    return version, np.frombuffer(reader.raw(_NUMBER.itemsize * size), dtype=_NUMBER).astype(np.float32)
