"""Which dimensions and words the catalog's items use: what is rare says more when the index is asked."""

import numpy as np

from models.primitives.sparse import SparseVector
from models.primitives.text import Rarity, Vector
from models.primitives.words import WordRarity


class Vocabulary:
    """Rarity over the items of this worker, each counted once in its latest form.

    Held an item: 32 bytes at 256 dimensions, and 4 a word.
    """

    def __init__(self, dim: int) -> None:
        self.rarity = Rarity(dim)
        self.words = WordRarity()
        self._used: dict[str, bytes] = {}
        self._worded: dict[str, bytes] = {}

    def count_words(self, item_id: str, words: SparseVector | None) -> None:
        """Count the item's row of words instead of the one it had; None takes it out."""
        used = b"" if words is None else words.indices.tobytes()
        known = self._worded.pop(item_id, b"")
        if known != used:
            if known:
                self.words.revert_one(np.frombuffer(known, dtype=np.uint32))
            if words is not None and used:
                self.words.learn_one(words.indices)
        if used:
            self._worded[item_id] = used

    def __contains__(self, item_id: str) -> bool:
        """Whether something of the item is counted."""
        return item_id in self._used or item_id in self._worded

    def count(self, item_id: str, embedding: Vector | None) -> None:
        """Count the item's embedding, float32 (dim,), instead of the one it had; None takes it out."""
        used = b"" if embedding is None else np.packbits(embedding != 0).tobytes()
        known = self._used.pop(item_id, b"")
        if known != used:
            if known:
                self.rarity.revert_one(_dimensions(known))
            if used:
                self.rarity.learn_one(_dimensions(used))
        if used:
            self._used[item_id] = used


def _dimensions(used: bytes) -> Vector:
    return np.unpackbits(np.frombuffer(used, dtype=np.uint8)).astype(np.float32)
