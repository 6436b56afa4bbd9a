"""Rows change in memory, and each changed key is written once."""

import pytest

from tests.stream.builders import Text
from workers.errors import ConfigurationError
from workers.stream.table import Table, TablePartition


def partition() -> TablePartition[Text]:
    return Table("changelog", Text.unpack, Text).blank_partition()


def test_each_changed_key_is_written_once_with_its_last_content_the_last_one_changed_last() -> None:
    rows = partition()
    rows.change("a").text = "first"
    rows.change("b").text = "other"
    rows.change("a").text = "last"
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"b", b"Tother"), (b"a", b"Tlast")]
    assert rows.take_changes() == []


def test_a_row_that_is_only_marked_is_written_again_as_it_is() -> None:
    rows = partition()
    rows.load(b"a", b"Tkept")
    rows.change("a")
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", b"Tkept")]


def test_a_row_that_was_dropped_is_gone_and_leaves_a_tombstone_when_it_is_buried() -> None:
    rows = partition()
    rows.load(b"a", b"Tkept")
    rows.drop("a")
    assert rows.get("a") is None
    assert len(rows) == 0
    assert rows.take_changes() == []
    rows.bury(["a"])
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", None)]


def test_a_row_that_started_over_is_not_buried() -> None:
    rows = partition()
    rows.load(b"a", b"Told")
    rows.drop("a")
    rows.change("a").text = "new"
    rows.bury(["a"])
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", b"Tnew")]


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
    rows = Table("changelog", Text.unpack, Text, is_expendable=lambda packed: packed == b"Tspare").blank_partition()
    for key, value in ((b"a", b"Tkept"), (b"b", b"Tspare"), (b"c", b"Tkept"), (b"d", b"Tspare")):
        rows.load(key, value)
    assert rows.oldest(3) == ["b", "d", "a"]
    assert rows.oldest(3, expendable_only=True) == ["b", "d"]
    rows.change("b").text = "kept"
    rows.take_changes()
    assert (rows.oldest(3), rows.expendable) == (["d", "a", "c"], 1)
    rows.drop("d")
    assert (rows.oldest(3), rows.expendable) == (["a", "c", "b"], 0)


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
    for key, value in ((b"a", b"T1"), (b"b", b"T1"), (b"a", b"T2"), (b"b", None)):
        rows.load(key, value)
    kept = rows.get("a")
    assert kept is not None and kept.text == "2"
    assert rows.get("b") is None
    assert len(rows) == 1


def test_a_row_that_is_only_looked_at_stays_packed_and_tells_of_later_changes() -> None:
    rows = partition()
    rows.load(b"a", b"Tkept")
    assert (seen := rows.peek("a")) is not None and seen.text == "kept"
    assert rows.peek("a") is not seen
    rows.change("a").text = "changed"
    assert (seen := rows.peek("a")) is not None and seen.text == "changed"
    assert rows.peek("b") is None


def test_an_unreadable_row_is_never_taken_for_an_absent_one() -> None:
    rows = partition()
    rows.load(b"a", b"\x00 torn")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="row of 'a' in changelog is unreadable"):
            rows.change("a")
    assert rows.take_changes() == []
    assert len(rows) == 1


@pytest.mark.parametrize(("key", "value"), [(None, b"T1"), (b"\xff", b"T1"), (b"a", b"{}"), (b"a", b"")])
def test_a_malformed_record_is_refused_at_recovery(key: bytes | None, value: bytes) -> None:
    rows = Table("changelog", Text.unpack, Text, kind=b"T").blank_partition()
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
    rows = Table("changelog", Text.unpack, Text, most_open=2).blank_partition()
    for key in "abc":
        rows.change(key).text = f"of {key}"
    rows.take_changes()
    kept, closed = rows.get("c"), rows.get("a")
    assert kept is rows.get("c"), "used last"
    assert closed is not None and closed.text == "of a"
    assert rows.get("b") is not None and rows.get("a") is not closed
    assert list(rows.keys()) == ["a", "b", "c"], "closing is not writing"


def test_a_change_that_is_not_written_yet_is_never_closed() -> None:
    rows = Table("changelog", Text.unpack, Text, most_open=0).blank_partition()
    rows.change("a").text = "first"
    rows.take_changes()
    rows.change("a").text = "second"
    rows.change("b")
    rows.get("b")
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", b"Tsecond"), (b"b", b"T")]


async def test_while_a_chunk_is_at_work_its_rows_stay_open() -> None:
    rows = Table("changelog", Text.unpack, Text, most_open=1).blank_partition()
    rows.load(b"a", b"T1")
    rows.load(b"b", b"T2")
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
    rows = Table("changelog", Text.unpack, Text, most_open=1).blank_partition()
    rows.load(b"a", b"T1")
    rows.get("a")
    rows.drop("a")
    rows.load(b"b", b"T2")
    rows.load(b"c", b"T3")
    rows.get("b")
    rows.get("c")
    assert rows.get("a") is None
