"""A history is the newest events by time, whatever the order in which they came."""

import random

from hypothesis import given
from hypothesis import strategies as st

from models.primitives.ids import sparse_index
from models.primitives.packing import Reader
from models.state.history import BOUGHT, BOUND, History, HistoryEntry

stamps = st.lists(st.integers(0, 50), max_size=40)


def entry(item_id: str, time_ms: int, offset: int) -> HistoryEntry:
    return HistoryEntry(item_id, time_ms, (0, offset), weight=1.0)


def bought(item_id: str, time_ms: int) -> HistoryEntry:
    return HistoryEntry(item_id, time_ms, (0, time_ms), weight=10.0, flags=BOUGHT)


def filled(entries: list[HistoryEntry]) -> History:
    history = History()
    for one in entries:
        history.insert(one)
    return history


def items(*names: str) -> list[int]:
    return [sparse_index(name) for name in names]


@given(stamps, st.randoms(use_true_random=False))
def test_late_events_give_the_history_of_events_in_time(times: list[int], chance: random.Random) -> None:
    entries = [entry(str(offset), time_ms, offset) for offset, time_ms in enumerate(times)]
    shuffled = chance.sample(entries, len(entries))
    assert filled(shuffled).pack() == filled(entries).pack()


@given(st.randoms(use_true_random=False))
def test_full_history_holds_the_newest_events_in_every_order_of_arrival(chance: random.Random) -> None:
    entries = [entry(str(offset), offset, offset) for offset in range(BOUND + 30)]
    history = filled(chance.sample(entries, len(entries)))
    assert history.item_ids == [one.item_id for one in entries[30:]]


def test_event_older_than_a_full_history_is_not_kept() -> None:
    history = filled([entry(str(offset), 1_000 + offset, offset) for offset in range(BOUND)])
    assert history.insert(entry("late", 5, 999)) is None
    assert len(history) == BOUND


def test_items_of_one_record_stay_in_the_order_of_the_record() -> None:
    assert filled([entry("a", 7, 3), entry("b", 7, 3)]).item_ids == ["a", "b"]


def test_predecessors_are_distinct_and_nearest_first() -> None:
    history = filled([entry(name, at, at) for at, name in enumerate("abacd")])
    assert history.predecessors(4).tolist() == items("c", "a", "b")


def test_late_event_is_told_only_what_came_before_it() -> None:
    history = filled([entry("a", 10, 0), entry("c", 30, 1)])
    position = history.insert(entry("b", 20, 2))
    assert position is not None
    assert history.predecessors(position).tolist() == items("a")


def test_second_touch_of_an_item_tells_only_what_happened_since_the_first() -> None:
    history = filled([entry(name, at, at) for at, name in enumerate("abcb")])
    assert history.predecessors(3).tolist() == items("c")


def test_window_ends_the_look_back() -> None:
    history = filled([entry(str(at), at, at) for at in range(20)])
    assert history.predecessors(19, window=3).tolist() == items("18", "17", "16")


def test_recent_items_are_distinct_with_the_weight_of_their_newest_event() -> None:
    history = History()
    for offset, (item_id, weight) in enumerate([("a", 1.0), ("b", 2.0), ("a", 10.0)]):
        history.insert(HistoryEntry(item_id, offset, (0, offset), weight))
    assert history.recent(5) == [("a", 10.0), ("b", 2.0)]
    assert history.recent(1) == [("a", 10.0)]


def test_what_was_bought_is_told_newest_first_without_views() -> None:
    history = filled([bought("a", 0), entry("viewed", 1, 1), bought("b", 2), bought("c", 3)])
    with_c = history.bought_with(3)
    assert with_c is not None and with_c.tolist() == items("b", "a")
    assert history.bought_with(1) is None


def test_cart_and_purchase_of_one_item_tell_once_what_was_bought_with_it() -> None:
    history = filled([bought("a", 0), bought("b", 1), bought("b", 2)])
    assert history.bought_with(2) is None


@given(st.permutations(range(6)))
def test_each_pair_bought_is_told_once_in_every_order_of_arrival(order: list[int]) -> None:
    history, pairs = History(), list[tuple[int, int]]()
    for time_ms in order:
        position = history.insert(bought("abcabc"[time_ms], time_ms))
        assert position is not None
        with_it = history.bought_with(position)
        if with_it is not None:
            pairs += [
                (min(other, history.indices[position]), max(other, history.indices[position])) for other in with_it
            ]
    assert len(pairs) == len(set(pairs)) == 3


def test_unpacked_history_remembers_what_was_bought() -> None:
    history = filled([bought("a", 0), entry("b", 1, 1)])
    again = History.read(Reader(b"H\1" + history.pack(), b"H", 1))
    assert again.flags.tolist() == [BOUGHT, 0]


def test_the_place_of_a_record_is_known_as_long_as_its_event_is_kept() -> None:
    history = filled([entry("a", 7, 3)])
    assert history.holds_origin((0, 3))
    assert not history.holds_origin((3, 0))
