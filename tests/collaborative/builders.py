"""Records of `item-vectors`, and rows of counts whose right neighbours are known."""

import numpy as np
from aiokafka import TopicPartition
from numpy.typing import NDArray

from tests.agents.dependencies import partition_for
from tests.stream.builders import record_at
from workers.items.slots import key_of, value_of
from workers.stream.chunk import Record

DIM = 64


def vector(position: int, dim: int = DIM) -> NDArray[np.float32]:
    """1 at one place."""
    found = np.zeros(dim, dtype=np.float32)
    found[position] = 1.0
    return found


def slot_record(
    offset: int, item_id: str = "b", slot: str = "a", version: int = 1, value: NDArray[np.float32] | None = None
) -> Record:
    """A record in the partition where its item belongs."""
    tp = TopicPartition("item-vectors", partition_for(item_id))
    return record_at(tp, offset, key_of(item_id, slot), value_of(version, value))
