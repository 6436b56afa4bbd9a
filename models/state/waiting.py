"""Shares of a taste that wait for their item's vector: kept beside the history, whose bound they outlive."""

import math
import struct
from array import array

from models.primitives.packing import Column, Reader, column_bytes, texts_bytes
from models.state.taste import HALF_LIFE_S

WAITING_BOUND = 4_096
"""Items that may wait, 18 bytes and an id each in a row: past it the shares of the oldest event time are lost."""

WAITING_ID_BYTES = 256 * 1024
"""UTF-8 of their ids, 64 bytes each: with the longest ids a row of 4,096 would be more than a broker takes (1 MiB)."""

_COUNT = struct.Struct("<H")
_NOTHING = _COUNT.pack(0)


class WaitingShares:
    """Of each item without a vector the decayed sum of its events' weights; what a taste adds when the vector comes.

    sum = Σ weight · 2^(−(landmark − time) / half_life), the item's newest event as landmark: a taste is a sum, so
    orders of arrival commute (to rounding, float64), and adding −weight takes a share back, also one that the taste
    has and that waits for the vector to leave it. Past the bound items leave by their newest event, oldest first.

    >>> waiting = WaitingShares(half_life_s=1.0)
    >>> for weight, time_ms in ((2.0, 1_000), (4.0, 0)):
    ...     waiting.add("a", weight, time_ms)
    >>> waiting.take("a"), waiting.take("a")
    ((4.0, 1000), None)
    """

    __slots__ = ("_half_life_ms", "_id_bytes", "_shares")

    def __init__(self, half_life_s: float = HALF_LIFE_S) -> None:
        self._half_life_ms = half_life_s * 1_000.0
        self._shares: dict[str, tuple[float, int]] = {}
        self._id_bytes = 0

    def __len__(self) -> int:
        return len(self._shares)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._shares

    def item_ids(self) -> list[str]:
        """The items that wait."""
        return list(self._shares)

    def add(self, item_id: str, weight: float, time_ms: int) -> None:
        """Let one event's share wait. O(1); O(items) where one has to leave."""
        if item_id not in self._shares:
            self._id_bytes += _size(item_id)
        total, landmark_ms = self._shares.get(item_id, (0.0, time_ms))
        if time_ms > landmark_ms:
            total, landmark_ms = total * self._decay(time_ms - landmark_ms), time_ms
        self._shares[item_id] = (total + weight * self._decay(landmark_ms - time_ms), landmark_ms)
        while len(self._shares) > WAITING_BOUND or self._id_bytes > WAITING_ID_BYTES:
            self.take(min(self._shares, key=lambda known: (self._shares[known][1], known)))

    def take(self, item_id: str) -> tuple[float, int] | None:
        """What waited for an item, as one weight at one time in epoch ms; it waits no more. None if nothing did."""
        share = self._shares.pop(item_id, None)
        if share is not None:
            self._id_bytes -= _size(item_id)
        return share

    def merge(self, other: "WaitingShares") -> None:
        """Add what waits elsewhere."""
        for item_id, (total, landmark_ms) in other._shares.items():
            self.add(item_id, total, landmark_ms)

    def clear(self) -> None:
        """Forget everything."""
        self._shares.clear()
        self._id_bytes = 0

    def pack(self) -> bytes:
        """Count, ids, columns; 2 bytes while nothing waits."""
        if not self._shares:
            return _NOTHING
        shares = self._shares.values()
        columns: tuple[Column, Column] = (
            array("d", (total for total, _ in shares)),
            array("q", (landmark_ms for _, landmark_ms in shares)),
        )
        return b"".join((_COUNT.pack(len(self._shares)), texts_bytes(self._shares), *map(column_bytes, columns)))

    @classmethod
    def read(cls, reader: Reader, half_life_s: float = HALF_LIFE_S) -> "WaitingShares":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones."""
        waiting = cls(half_life_s)
        (count,) = map(int, reader.fields(_COUNT))
        if count:
            item_ids = reader.texts(count)
            shares = zip(reader.floats("d", count), reader.ints("q", count), strict=True)
            waiting._shares = dict(zip(item_ids, shares, strict=True))
            waiting._id_bytes = sum(map(_size, waiting._shares))
        return waiting

    def _decay(self, elapsed_ms: int) -> float:
        return math.exp2(-elapsed_ms / self._half_life_ms)


def _size(item_id: str) -> int:
    return len(item_id.encode())
