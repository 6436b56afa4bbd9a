"""Rows change in memory, and each changed key is written once."""

from tests.stream.builders import Text
from workers.stream.table import Table, TablePartition


def partition() -> TablePartition[Text]:
    return Table("changelog", Text.unpack, Text).blank_partition()


def test_each_changed_key_is_written_once_with_its_last_content() -> None:
    rows = partition()
    rows.change("a").text = "first"
    rows.change("b").text = "other"
    rows.change("a").text = "last"
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", b"Tlast"), (b"b", b"Tother")]
    assert rows.take_changes() == []


def test_a_row_that_is_only_marked_is_written_again_as_it_is() -> None:
    rows = partition()
    rows.load(b"a", b"Tkept")
    rows.change("a")
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", b"Tkept")]


def test_a_deleted_row_is_gone_and_leaves_a_tombstone() -> None:
    rows = partition()
    rows.load(b"a", b"Tkept")
    rows.delete("a")
    assert rows.get("a") is None
    assert [(r.key, r.value) for r in rows.take_changes()] == [(b"a", None)]


def test_recovery_keeps_the_last_record_of_a_key_and_honours_tombstones() -> None:
    rows = partition()
    for key, value in ((b"a", b"T1"), (b"b", b"T1"), (b"a", b"T2"), (b"b", None)):
        rows.load(key, value)
    kept = rows.get("a")
    assert kept is not None and kept.text == "2"
    assert rows.get("b") is None
    assert len(rows) == 1


def test_an_unreadable_row_counts_as_absent_and_is_counted() -> None:
    rows = partition()
    rows.load(b"a", b"\x00 torn")
    assert rows.get("a") is None
    assert rows.unreadable == 1
