"""The ledger's promise: never past an unfinished record, exactly to the last finished one + 1."""

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from tests.stream.builders import chunk_of
from workers.stream.ledger import Ledger

TP = TopicPartition("events", 0)


def test_nothing_is_committable_before_a_chunk_is_finished() -> None:
    ledger = Ledger()
    ledger.deliver(chunk_of(TP, 0, 3, ledger))
    assert ledger.committable() == {}
    assert ledger.outstanding(TP) == 1


def test_the_offset_after_the_last_record_is_committable_once_its_chunk_is_finished() -> None:
    ledger = Ledger()
    chunk = chunk_of(TP, 5, 3, ledger)
    ledger.deliver(chunk)
    chunk.finish()
    assert ledger.committable() == {TP: 8}


def test_a_chunk_that_finishes_early_waits_for_the_one_before_it() -> None:
    ledger = Ledger()
    first, second = chunk_of(TP, 0, 2, ledger), chunk_of(TP, 2, 2, ledger)
    ledger.deliver(first)
    ledger.deliver(second)
    second.finish()
    assert ledger.committable() == {}
    first.finish()
    assert ledger.committable() == {TP: 4}


def test_how_far_a_partition_is_finished_starts_at_its_first_delivered_record() -> None:
    ledger = Ledger()
    assert ledger.finished_to(TP) is None
    chunk = chunk_of(TP, 5, 3, ledger)
    ledger.deliver(chunk)
    assert ledger.finished_to(TP) == 5
    chunk.finish()
    assert ledger.finished_to(TP) == 8


def test_only_chunks_that_no_agent_has_begun_are_withdrawn() -> None:
    ledger = Ledger()
    first, second, third = (chunk_of(TP, 2 * n, 2, ledger) for n in range(3))
    for chunk in (first, second, third):
        ledger.deliver(chunk)
    assert first.begin()
    ledger.withdraw_waiting()
    assert (second.begin(), third.begin()) == (False, False)
    assert ledger.outstanding(TP) == 1
    first.finish()
    assert ledger.committable() == {TP: 2}
    assert ledger.unfinished() == []


def test_what_moved_on_during_a_commit_is_still_to_be_committed() -> None:
    ledger = Ledger()
    first, second = chunk_of(TP, 0, 2, ledger), chunk_of(TP, 2, 2, ledger)
    ledger.deliver(first)
    ledger.deliver(second)
    first.finish()
    being_committed = ledger.committable()
    second.finish()
    ledger.confirm(being_committed)
    assert ledger.committable() == {TP: 4}


@given(st.permutations(range(8)), st.integers(0, 8))
def test_committable_is_the_end_of_the_finished_prefix_in_any_order_of_finishing(
    order: list[int], how_many: int
) -> None:
    ledger = Ledger()
    chunks = [chunk_of(TP, 3 * n, 3, ledger) for n in range(8)]
    for chunk in chunks:
        ledger.deliver(chunk)
    finished = order[:how_many]
    for n in finished:
        chunks[n].finish()
    prefix = next(n for n in range(9) if n not in finished)
    assert ledger.committable() == ({TP: 3 * prefix} if prefix else {})
    assert ledger.outstanding(TP) == 8 - prefix


def test_chunks_that_only_wait_for_the_index_are_left_uncommitted() -> None:
    ledger = Ledger()
    done, parked = chunk_of(TP, 0, 2, ledger), chunk_of(TP, 2, 2, ledger)
    for chunk in (done, parked):
        ledger.deliver(chunk)
    done.finish()
    parked.park()
    assert ledger.leave_parked()
    assert ledger.unfinished() == []
    parked.finish()  # too late
    assert ledger.committable() == {TP: 2}


def test_nothing_is_left_while_an_agent_is_at_work() -> None:
    ledger = Ledger()
    parked, working = chunk_of(TP, 0, 2, ledger), chunk_of(TP, 2, 2, ledger)
    for chunk in (parked, working):
        ledger.deliver(chunk)
    parked.park()
    assert not ledger.leave_parked()
    assert ledger.unfinished() == [TP]


def test_offsets_that_hold_no_record_are_committable_once_they_are_gone_past() -> None:
    ledger = Ledger()
    chunk = chunk_of(TP, 0, 3, ledger)
    ledger.deliver(chunk)
    chunk.finish()
    ledger.go_past(TP, 4)
    assert ledger.committable() == {TP: 4}
    assert ledger.finished_to(TP) == 4


def test_where_a_partition_is_first_read_needs_no_commit() -> None:
    ledger = Ledger()
    ledger.go_past(TP, 7)
    ledger.go_past(TP, 7)
    assert ledger.committable() == {}
    assert ledger.finished_to(TP) == 7


def test_only_chunks_that_an_agent_still_has_to_fold_are_at_work() -> None:
    ledger = Ledger()
    assert ledger.at_work(TP) == 0
    chunks = [chunk_of(TP, 2 * n, 2, ledger) for n in range(4)]
    for chunk in chunks:
        ledger.deliver(chunk)
    assert ledger.at_work(TP) == 4
    chunks[0].park()
    chunks[1].park()
    assert (ledger.at_work(TP), ledger.outstanding(TP)) == (2, 4)
    chunks[2].finish()  # it waits behind the parked ones
    assert (ledger.at_work(TP), ledger.outstanding(TP)) == (1, 4)
    chunks[0].finish()
    chunks[1].finish()
    assert (ledger.at_work(TP), ledger.outstanding(TP)) == (1, 1)
    chunks[3].park()
    assert (ledger.at_work(TP), ledger.outstanding(TP)) == (0, 1)


def test_a_partition_waits_for_the_index_while_its_oldest_chunk_does() -> None:
    ledger = Ledger()
    first, second = chunk_of(TP, 0, 2, ledger), chunk_of(TP, 2, 2, ledger)
    assert not ledger.is_parked(TP)
    ledger.deliver(first)
    ledger.deliver(second)
    second.park()
    assert not ledger.is_parked(TP)
    first.park()
    assert ledger.is_parked(TP)
    first.finish()
    second.finish()
    assert not ledger.is_parked(TP)
