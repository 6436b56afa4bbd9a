"""Rows change in memory, and each changed key is written once."""

import pytest

from tests.stream.builders import Text, text_table
from workers.errors import ConfigurationError
from workers.stream.table import BOUND_KEY, TablePartition


def partition() -> TablePartition[Text]:
    return text_table().blank_partition()


def test_each_changed_key_is_written_once_with_its_last_content_the_last_one_changed_last() -> None:
    rows = partition()
    rows.change("a").text = "first"
    rows.change("b").text = "other"
    rows.change("a").text = "last"
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"b", b"T\x01other"), (b"a", b"T\x01last")]
    assert rows.take_changes() == []


def test_a_row_that_is_only_marked_is_written_again_as_it_is() -> None:
    rows = partition()
    rows.load(b"a", b"T\x01kept")
    rows.change("a")
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", b"T\x01kept")]


def test_a_row_that_was_dropped_is_gone_and_leaves_a_tombstone_when_it_is_buried() -> None:
    rows = partition()
    rows.load(b"a", b"T\x01kept")
    rows.drop("a")
    assert rows.get("a") is None
    assert len(rows) == 0
    assert rows.take_changes() == []
    rows.bury(["a"])
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", None)]


def test_a_row_that_started_over_is_not_buried() -> None:
    rows = partition()
    rows.load(b"a", b"T\x01old")
    rows.drop("a")
    rows.change("a").text = "new"
    rows.bury(["a"])
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", b"T\x01new")]


def test_the_rows_written_longest_ago_are_the_same_after_a_recovery() -> None:
    rows, recovered = partition(), partition()
    for key in "abcab":
        rows.change(key)
    records = rows.take_changes()
    for key in "da":
        rows.change(key)
    for record in (*records, *rows.take_changes()):
        recovered.load(record.key, record.value)
    assert rows.oldest(9) == recovered.oldest(9) == ["c", "b", "d", "a"]
    assert rows.get("c") is not None
    assert rows.oldest(1) == ["c"], "reading is not writing"


def test_expendable_rows_are_evicted_before_all_others() -> None:
    spare = {"b", "d"}
    rows = text_table(is_expendable=lambda key: key in spare).blank_partition()
    for key in (b"a", b"b", b"c", b"d"):
        rows.load(key, b"T\x01")
        rows.reconsider(key.decode())
    assert rows.oldest(3) == ["b", "d", "a"]
    assert rows.oldest(3, expendable_only=True) == ["b", "d"]
    spare.remove("b")
    rows.change("b")
    rows.take_changes()
    assert (rows.oldest(3), rows.expendable) == (["d", "a", "c"], 1)
    rows.drop("d")
    assert (rows.oldest(3), rows.expendable) == (["a", "c", "b"], 0)


def test_what_makes_a_row_expendable_may_change_without_a_change_of_the_row() -> None:
    spare = {"a"}
    rows = text_table(is_expendable=lambda key: key in spare).blank_partition()
    rows.load(b"a", b"T\x01")
    rows.reconsider("a")
    rows.reconsider("nobody")
    assert rows.expendable == 1
    spare.clear()
    rows.reconsider("a")
    assert rows.expendable == 0


def test_whoever_keeps_something_beside_a_row_is_told_when_it_is_evicted() -> None:
    gone: list[str] = []
    rows = text_table(forget=gone.append).blank_partition()
    rows.change("a")
    rows.drop("a")
    rows.drop("nobody")
    assert gone == ["a"]


def test_rows_are_packed_when_they_are_asked_for() -> None:
    rows = partition()
    rows.change("a")
    changes = rows.drain_changes()
    rows.change("a").text = "later"
    assert [record.value for record in changes] == [b"T\x01later"]


def test_a_bound_holds_from_its_record_on_and_the_first_one_stays() -> None:
    rows, recovered = partition(), partition()
    assert rows.bound_at(99) == 0
    rows.bind(200, offset=7)
    rows.bind(50, offset=9)
    for record in rows.notes():
        recovered.load(record.key, record.value)
    assert [rows.bound_at(offset) for offset in (6, 7, 9)] == [0, 200, 200]
    assert [recovered.bound_at(offset) for offset in (6, 7, 9)] == [0, 200, 200]
    recovered.load(BOUND_KEY, None)
    assert recovered.bound == 0
    with pytest.raises(ValueError, match="expected a bound"):
        recovered.load(BOUND_KEY, b"1")


def test_a_drop_at_a_place_of_the_log_covers_what_came_before_it_also_when_the_log_is_folded_again() -> None:
    rows = partition()
    rows.reach("a", (0, 5))
    rows.has_folded(0)
    rows.evict_reached(1)
    rows.has_folded(1)
    rows.reach("b", (0, 8))
    rows.has_folded(2)
    recovered = partition()
    for record in rows.notes():
        recovered.load(record.key, record.value)
    for one in (rows, recovered):
        one.evict_reached(1)
        one.has_folded(1)
        assert one.folds_again
        assert [one.evicted.covers("b", (0, offset)) for offset in (4, 5, 8)] == [True, False, False]
        one.has_folded(2)
        assert not one.folds_again
        one.evict_reached(3)
        assert one.evicted.covers("b", (0, 8))


def test_what_is_left_out_of_a_table_is_known_again_after_a_tombstone() -> None:
    rows = partition()
    rows.reach("a", (0, 5))
    rows.has_folded(3)
    [note] = rows.notes()
    recovered = partition()
    recovered.load(note.key, note.value)
    recovered.load(note.key, None)
    recovered.evict_reached(0)
    assert len(recovered.evicted) == 0


def test_what_dropped_rows_had_applied_survives_in_the_changelog() -> None:
    rows, recovered = partition(), partition()
    rows.change("a").origins = {0: 7}
    rows.drop("a")
    record = rows.eviction_record()
    recovered.load(record.key, record.value)
    assert [recovered.evicted.covers(key, (0, 7)) for key in "ab"] == [True, False]
    assert len(recovered) == 0
    with pytest.raises(ValueError, match="truncated"):
        recovered.load(record.key, (record.value or b"")[:-1])


def test_recovery_keeps_the_last_record_of_a_key_and_honours_tombstones() -> None:
    rows = partition()
    for key, value in ((b"a", b"T\x011"), (b"b", b"T\x011"), (b"a", b"T\x012"), (b"b", None)):
        rows.load(key, value)
    kept = rows.get("a")
    assert kept is not None and kept.text == "2"
    assert rows.get("b") is None
    assert len(rows) == 1


def test_a_row_that_is_only_looked_at_stays_packed_and_tells_of_later_changes() -> None:
    rows = partition()
    rows.load(b"a", b"T\x01kept")
    assert (seen := rows.peek("a")) is not None and seen.text == "kept"
    assert rows.peek("a") is not seen
    rows.change("a").text = "changed"
    assert (seen := rows.peek("a")) is not None and seen.text == "changed"
    assert rows.peek("b") is None


def test_an_unreadable_row_is_never_taken_for_an_absent_one() -> None:
    rows = partition()
    rows.load(b"a", b"T\x01\xff")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="row of 'a' in changelog is unreadable"):
            rows.change("a")
    assert rows.take_changes() == []
    assert len(rows) == 1


@pytest.mark.parametrize(("key", "value"), [(None, b"T\x011"), (b"\xff", b"T\x011"), (b"a", b"{}"), (b"a", b"")])
def test_a_malformed_record_is_refused_at_recovery(key: bytes | None, value: bytes) -> None:
    rows = text_table().blank_partition()
    with pytest.raises(ValueError):
        rows.load(key, value)


def test_how_far_the_side_topic_was_begun_never_goes_back() -> None:
    rows, recovered = partition(), partition()
    for end in (9, 4):
        record = rows.begin(end)
    recovered.load(record.key, record.value)
    assert rows.begun == recovered.begun == 9
    assert len(recovered) == 0


def test_rows_used_last_stay_open_and_the_others_are_what_was_written_of_them() -> None:
    rows = text_table(most_open=2).blank_partition()
    for key in "abc":
        rows.change(key).text = f"of {key}"
    rows.take_changes()
    kept, closed = rows.get("c"), rows.get("a")
    assert kept is rows.get("c"), "used last"
    assert closed is not None and closed.text == "of a"
    assert rows.get("b") is not None and rows.get("a") is not closed
    assert list(rows.keys()) == ["a", "b", "c"], "closing is not writing"


def test_a_change_that_is_not_written_yet_is_never_closed() -> None:
    rows = text_table(most_open=0).blank_partition()
    rows.change("a").text = "first"
    rows.take_changes()
    rows.change("a").text = "second"
    rows.change("b")
    rows.get("b")
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", b"T\x01second"), (b"b", b"T\x01")]


async def test_while_a_chunk_is_at_work_its_rows_stay_open() -> None:
    rows = text_table(most_open=1).blank_partition()
    rows.load(b"a", b"T\x011")
    rows.load(b"b", b"T\x012")
    async with rows.lock:
        first = rows.get("a")
        rows.get("b")
        assert rows.get("a") is first
        rows.change("a")
        rows.take_changes()
    assert rows.get("a") is first
    rows.get("b")
    assert rows.get("a") is not first


def test_an_open_row_that_is_dropped_stays_gone() -> None:
    rows = text_table(most_open=1).blank_partition()
    rows.load(b"a", b"T\x011")
    rows.get("a")
    rows.drop("a")
    rows.load(b"b", b"T\x012")
    rows.load(b"c", b"T\x013")
    rows.get("b")
    rows.get("c")
    assert rows.get("a") is None
