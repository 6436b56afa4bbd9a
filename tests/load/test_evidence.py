"""The log of evidence folded again: what a worker wrote of it must be the same, and so must lists of successors."""

import numpy as np
import pytest

from load.faults.evidence import EvidenceVerdict, Replay, judge_evidence, pairs_of, unlike_lists
from models.state.control import Bound, Drop
from models.state.item_pairs import ItemPairs
from tests.models.builders import evidence, retraction

CLEAN = EvidenceVerdict(rows=0, lists=0)


class Told:
    """A record of the log of evidence, in partition 0."""

    topic, partition, timestamp, key, headers = "item-transitions", 0, 0, None, ()

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value = offset, value


def log(size: int, *, bound_at: int = -1) -> list[Told]:
    """Evidence on few items after many, of two user partitions; a bound of 20 at one place."""
    rng = np.random.default_rng(1)
    records = []
    for n in range(size):
        before = [f"p{number}" for number in rng.choice(300, 5, replace=False)]
        piece = evidence(n, before, item_id=f"i{rng.integers(5)}", partition=n % 2, bought_with=before[:1])
        records.append(piece.pack())
    if bound_at >= 0:
        records.insert(bound_at, Bound(20).pack())
    return [Told(offset, value) for offset, value in enumerate(records)]


def replayed(records: list[Told]) -> Replay:
    replay = Replay(partitions=1)
    for record in records:
        replay.learn(record)
    return replay


@pytest.mark.parametrize("bound_at", [-1, 100])
def test_a_log_gives_the_same_rows_and_lists_each_time(bound_at: int) -> None:
    records = log(400, bound_at=bound_at)
    owner, replay = replayed(records), replayed(records)
    assert (replay.cuts() > 0) == (bound_at >= 0)
    assert len(owner.packed()) == 5
    assert judge_evidence(owner.packed(), replay) == CLEAN


def test_records_that_come_again_or_can_not_be_read_change_nothing() -> None:
    records = log(100)
    again = [*records[:60], Told(60, b"junk"), *records[20:]]
    assert judge_evidence(replayed(again).packed(), replayed(records)) == CLEAN


def test_a_row_that_lacks_one_event_is_found_and_so_are_its_lists() -> None:
    records = log(100)
    found = judge_evidence(replayed(records[:-1]).packed(), replayed(records))
    assert found.rows == 1 and found.lists > 0 and not found.clean


def test_a_row_that_was_not_dropped_is_found() -> None:
    records = log(100)
    told = [*records, Told(100, Drop(("i1",)).pack())]
    assert judge_evidence(replayed(records).packed(), replayed(told)).rows == 1
    assert judge_evidence(replayed(told).packed(), replayed(told)) == CLEAN


def test_lists_follow_from_rows_also_after_evidence_was_taken_back() -> None:
    piece = evidence(7, ["a", "b"], item_id="i0", partition=3)
    told = [*log(50), Told(50, piece.pack()), Told(51, retraction(9, piece, item_id="i0", partition=3).pack())]
    replay = replayed(told)
    assert unlike_lists(pairs_of(replay.packed()), replay.pairs) == 0
    assert unlike_lists(ItemPairs(), replay.pairs) > 0
