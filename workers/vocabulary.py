"""Which dimensions the catalog's embeddings use: what is rare says more when the index is asked."""

import numpy as np

from models.text import Rarity, Vector


class Vocabulary:
    """`Rarity` over the items of this worker, each counted once in its latest form (32 bytes at 256 dimensions)."""

    def __init__(self, dim: int) -> None:
        self.rarity = Rarity(dim)
        self._used: dict[str, bytes] = {}

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
