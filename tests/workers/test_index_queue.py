"""Items wait once, in the order in which they were marked; chunks wait for their own items and for no later ones."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from workers.indexing.queue import IndexQueue


class Chunk:
    """Waits for the index."""

    def __init__(self) -> None:
        self.parked = self.done = False

    def park(self) -> None:
        self.parked = True

    def finish(self) -> None:
        self.done = True


def pushed(queue: IndexQueue, *items: str) -> Chunk:
    chunk = Chunk()
    queue.push(items, chunk)
    return chunk


def written(queue: IndexQueue, most: int) -> Sequence[str]:
    taken = queue.take(most, queue.last_position)
    queue.finish_written()
    return list(taken)


def test_a_chunk_is_finished_by_its_own_items_whatever_came_after_it() -> None:
    queue = IndexQueue()
    first, second = pushed(queue, "a", "b"), pushed(queue, "c", "d")
    assert written(queue, 2) == ["a", "b"]
    assert (first.done, second.done) == (True, False)


def test_an_item_that_waits_is_written_once_for_all_chunks_that_marked_it() -> None:
    queue = IndexQueue()
    chunks = [pushed(queue, "hot") for _ in range(5)]
    behind = pushed(queue, "cold")
    assert written(queue, 1) == ["hot"]
    assert all(chunk.done for chunk in chunks)
    assert not behind.done


def test_a_chunk_of_items_that_stand_at_the_front_does_not_wait_for_the_end() -> None:
    queue = IndexQueue()
    pushed(queue, "hot", *"abcdef")
    late = pushed(queue, "hot")
    written(queue, 1)
    assert late.done


def test_an_item_marked_while_it_is_being_written_is_written_again_for_the_chunk_that_did() -> None:
    queue = IndexQueue()
    early = pushed(queue, "a")
    queue.take(1, queue.last_position)
    late = pushed(queue, "a")
    queue.finish_written()
    assert (early.done, late.done) == (True, False)
    assert written(queue, 1) == ["a"]
    assert late.done


def test_a_chunk_without_items_waits_for_nothing() -> None:
    queue = IndexQueue()
    pushed(queue, "a")
    empty = pushed(queue)
    assert (empty.parked, empty.done) == (True, True)


def test_items_marked_later_than_a_place_are_not_taken_up_to_it() -> None:
    queue = IndexQueue()
    pushed(queue, "a")
    last = queue.last_position
    pushed(queue, "b")
    assert list(queue.take(5, last)) == ["a"]


def test_items_put_back_are_the_first_again_also_when_they_were_marked_meanwhile() -> None:
    queue = IndexQueue()
    pushed(queue, "a", "b", "c")
    taken = queue.take(2, queue.last_position)
    pushed(queue, "a")
    queue.put_back(taken)
    assert list(queue.take(5, queue.last_position)) == ["a", "b", "c"]


def test_who_waits_no_more_is_not_finished() -> None:
    queue = IndexQueue()
    chunk = pushed(queue, "a")
    queue.forget_waiting()
    assert written(queue, 1) == ["a"]
    assert not chunk.done


steps = st.lists(st.one_of(st.integers(1, 4), st.lists(st.sampled_from("abcdef"), max_size=5)), max_size=40)


@given(steps)
def test_a_chunk_is_done_exactly_when_each_of_its_items_was_written_after_it_came(steps: list[int | list[str]]) -> None:
    queue = IndexQueue()
    lacking: list[tuple[Chunk, set[str]]] = []
    for step in steps:
        if isinstance(step, list):
            lacking.append((pushed(queue, *step), set(step)))
            continue
        found = written(queue, step)
        assert len(found) == len(set(found))
        for _, items in lacking:
            items.difference_update(found)
        assert all(chunk.done == (not items) for chunk, items in lacking)
    while len(queue):
        written(queue, 3)
    assert all(chunk.done for chunk, _ in lacking)
