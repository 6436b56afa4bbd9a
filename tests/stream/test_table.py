"""Rows change in memory, and each changed key is written once."""

import pytest

from tests.stream.builders import Text
from workers.errors import ConfigurationError
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


def test_a_row_that_is_only_looked_at_stays_packed_and_tells_of_later_changes() -> None:
    rows = partition()
    rows.load(b"a", b"Tkept")
    assert (seen := rows.look("a")) is not None and seen.text == "kept"
    assert rows.look("a") is not seen
    rows.change("a").text = "changed"
    assert (seen := rows.look("a")) is not None and seen.text == "changed"
    assert rows.look("b") is None


def test_an_unreadable_row_is_never_taken_for_an_absent_one() -> None:
    rows = partition()
    rows.load(b"a", b"\x00 torn")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="row of 'a' in changelog is unreadable"):
            rows.change("a")
    assert rows.take_changes() == []
    assert len(rows) == 1


@pytest.mark.parametrize(("key", "value"), [(None, b"T1"), (b"\xff", b"T1"), (b"a", b"{}"), (b"a", b"")])
def test_an_alien_record_is_refused_at_recovery(key: bytes | None, value: bytes) -> None:
    rows = Table("changelog", Text.unpack, Text, kind=b"T").blank_partition()
    with pytest.raises(ValueError):
        rows.load(key, value)
