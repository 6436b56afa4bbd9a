"""Which words the catalog's items use: what is rare says more when the index is asked."""

import numpy as np

from models.primitives.sparse import SparseVector
from models.primitives.words import WordRarity


class Vocabulary:
    """Rarity over the items of this worker, each counted once in its latest form; 4 bytes a word of an item."""

    def __init__(self) -> None:
        self.words = WordRarity()
        self._worded: dict[str, bytes] = {}

    def count(self, item_id: str, words: SparseVector | None) -> None:
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
        """Whether the item is counted."""
        return item_id in self._worded
