"""What a user likes, as one vector in the space of the items' embeddings."""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from models.primitives.packing import Reader

Vector = NDArray[np.float32]

HALF_LIFE_S = 30 * 86_400.0
"""A like of last month counts half: shorter forgets a weekly shopper, longer never leaves an old interest."""

_FIXED = struct.Struct("<qH")
_STORED = np.dtype("<f4")
_TOO_SHORT = 1e-6


class Taste:
    """Decayed sum of what the user touched, in any order of arrival.

    taste(t) = Σ weight · 2^(−(t − time) / half_life) · vector. The sum is kept relative to a landmark that
    follows the newest event in steps of a half-life: each halves the sum, which float32 does exactly, where
    many small decays would lose digits. A late event takes a smaller factor: orders of arrival commute (to
    rounding), and `revert_one` is the inverse of `learn_one`. A repeat counts again: duplicates are stopped
    before. An unknown item's share is learned when its vector is known. Forward decay: Cormode et al. 2009,
    "Forward decay: a practical time decay model for streaming systems".

    >>> taste = Taste()
    >>> taste.learn_one(np.array([1, 0], dtype=np.float32), weight=3.0, time_ms=1_000)
    >>> taste.learn_one(np.array([0, 1], dtype=np.float32), weight=4.0, time_ms=1_000)
    >>> taste.direction()
    array([0.6, 0.8], dtype=float32)
    """

    __slots__ = ("_half_life_ms", "_landmark_ms", "_sum")

    def __init__(self, half_life_s: float = HALF_LIFE_S) -> None:
        self._half_life_ms = half_life_s * 1_000.0
        self._landmark_ms = 0
        self._sum: Vector | None = None

    def learn_one(self, vector: Vector, weight: float, time_ms: int) -> None:
        """Add one event's share; `vector` float32 (dim,). A vector of another `dim` starts the taste over."""
        if self._sum is None or len(vector) != len(self._sum):
            self._sum = np.zeros(len(vector), dtype=np.float32)
            self._landmark_ms = self._half_lives(time_ms, since_ms=0)
        ahead_ms = self._half_lives(time_ms, since_ms=self._landmark_ms)
        if ahead_ms > 0:
            self._sum *= math.exp2(-ahead_ms / self._half_life_ms)
            self._landmark_ms += ahead_ms
        self._sum += vector * np.float32(weight * math.exp2((time_ms - self._landmark_ms) / self._half_life_ms))

    def revert_one(self, vector: Vector, weight: float, time_ms: int) -> None:
        """Take one event's share back."""
        self.learn_one(vector, -weight, time_ms)

    def merge(self, other: "Taste") -> None:
        """Add what another learned; one of another `dim` adds nothing to a taste that there is."""
        if other._sum is not None and (self._sum is None or len(self._sum) == len(other._sum)):
            self.learn_one(other._sum, 1.0, other._landmark_ms)

    @property
    def half_life_s(self) -> float:
        """Seconds after which an event counts half."""
        return self._half_life_ms / 1_000.0

    def clear(self) -> None:
        """Forget everything."""
        self._sum, self._landmark_ms = None, 0

    def direction(self) -> Vector | None:
        """Taste as float32 (dim,) of unit length: decay to now would not turn it. None when there is none."""
        if self._sum is None:
            return None
        length = float(np.linalg.norm(self._sum))
        return self._sum / np.float32(length) if length > _TOO_SHORT else None

    def value_at(self, time_ms: int) -> Vector | None:
        """taste(t) itself at epoch ms `time_ms`, float32 (dim,); None when there is none."""
        if self._sum is None:
            return None
        return self._sum * np.float32(math.exp2((self._landmark_ms - time_ms) / self._half_life_ms))

    def pack(self) -> bytes:
        """Landmark, dimension, which dimensions are not 0 (a bit each), and what they are: titles hash to few words."""
        if self._sum is None:
            return _FIXED.pack(self._landmark_ms, 0)
        used = self._sum != 0.0
        values = self._sum[used].astype(_STORED, copy=False)
        return b"".join((_FIXED.pack(self._landmark_ms, len(used)), np.packbits(used).tobytes(), values.tobytes()))

    @classmethod
    def read(cls, reader: Reader, half_life_s: float = HALF_LIFE_S) -> "Taste":
        """Read `pack`'s bytes; raises ValueError on truncated ones."""
        landmark_ms, dim = map(int, reader.fields(_FIXED))
        taste = cls(half_life_s)
        taste._landmark_ms = landmark_ms
        if dim:
            bits = reader.raw(-(-dim // 8))
            used = np.unpackbits(np.frombuffer(bits, np.uint8), count=dim).view(np.bool_)
            values = np.frombuffer(reader.raw(4 * int.from_bytes(bits, "little").bit_count()), _STORED)
            taste._sum = np.zeros(dim, np.float32)
            taste._sum[used] = values
        return taste

    def _half_lives(self, time_ms: int, since_ms: int) -> int:
        """Whole half-lives from `since_ms` to `time_ms`, in ms."""
        return int((time_ms - since_ms) // self._half_life_ms * self._half_life_ms)
