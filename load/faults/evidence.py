"""The log of evidence folded again, by itself: what owner and followers must have come to (touches Kafka)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from load.faults.logs import records_of
from models.primitives.text import Vector
from models.retrieval.item_table import ItemTable
from models.state.item_pairs import ItemPairs
from models.state.item_state import ItemState
from models.state.pair_table import PairTable
from workers.errors import BadRecordError
from workers.items.fold_counts import CountsFold
from workers.items.items import Items
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.chunk import Record
from workers.stream.table import TablePartition
from workers.topics import Topics


@dataclass(frozen=True, slots=True)
class EvidenceVerdict:
    """Rows in which changelog and replay differ, and lists by predecessor in which tables of pairs do."""

    rows: int
    lists: int

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not self.rows and not self.lists


class Replay:
    """Folds evidence as every worker does, from nothing, one record after the other."""

    def __init__(self, partitions: int) -> None:
        self.items = Items("entries", "counts", 1, no_vector, partitions, Scheduler())
        self.items.counts.partitions = {n: self.items.counts.blank_partition() for n in range(partitions)}
        self._folds = {n: CountsFold(self.items, rows) for n, rows in self.items.counts.partitions.items()}

    def learn(self, record: Record) -> None:
        """Take the next record of its partition; one that can't be read changes nothing, as in a worker."""
        try:
            self._folds[record.partition].take(record)
        except BadRecordError:
            return

    @property
    def pairs(self) -> ItemPairs:
        """The pairs as they filled, event by event."""
        return self.items.table.pairs

    def cuts(self) -> int:
        """How often rows were cut at a bound."""
        self.pairs.settle()
        return self.pairs.followed.cuts[0] + self.pairs.bought.cuts[0]

    def packed(self) -> dict[str, bytes]:
        """All rows, as a worker would write them."""
        return dict(chain.from_iterable(map(packed_rows, self.items.counts.partitions.values())))


async def replay_of(settings: Settings) -> Replay:
    """The whole log of evidence of a deployment, which must still hold all that was published."""
    replay = Replay(settings.item_partitions)
    async for record in records_of(settings.bootstrap_servers, Topics(settings.topic_prefix).item_transitions):
        replay.learn(record)
    return replay


def judge_evidence(packed: Mapping[str, bytes], replay: Replay) -> EvidenceVerdict:
    """Compare a changelog's rows with a replay, and the lists of three tables: rows in two orders, and the replay."""
    folded = replay.packed()
    rows = sum(packed.get(key) != folded.get(key) for key in packed.keys() | folded.keys())
    straight, reverse = pairs_of(packed), pairs_of(dict(reversed(list(packed.items()))))
    return EvidenceVerdict(rows, unlike_lists(straight, reverse) + unlike_lists(straight, replay.pairs))


def pairs_of(packed: Mapping[str, bytes]) -> ItemPairs:
    """The pairs of these rows, put into a table of their own one after the other."""
    table = ItemTable(1, no_vector)
    for item_id, row in packed.items():
        table.load_state(item_id, row)
    return table.pairs


def unlike_lists(first: ItemPairs, second: ItemPairs) -> int:
    """Predecessors whose lists differ."""
    first.relist()
    second.relist()
    return _unlike(first.followed, second.followed) + _unlike(first.bought, second.bought)


def _unlike(first: PairTable, second: PairTable) -> int:
    ours, theirs = _columns(first), _columns(second)
    return sum(ours.get(key) != theirs.get(key) for key in ours.keys() | theirs.keys())


def _columns(table: PairTable) -> dict[int, tuple[bytes, bytes, bytes]]:
    lists = table.lists()
    return {key: (row.keys.tobytes(), row.near.tobytes(), row.liked.tobytes()) for key, row in lists.items()}


def packed_rows(rows: TablePartition[ItemState]) -> Iterator[tuple[str, bytes]]:
    """All rows of a partition by key, as a worker would write them."""
    for key in rows.keys():  # noqa: SIM118 - not a dict
        if (row := rows.get(key)) is not None:
            yield key, row.pack()


def no_vector(entry: object) -> Vector:
    """In place of an embedding, where nobody asks for one."""
    return np.zeros(1, dtype=np.float32)
