"""Bytes of a row of pairs: nothing is lost, and nothing but sorted pairs with counts is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.packing import Reader, head
from models.state.pair_bytes import PairRow, pack_row, read_row
from models.state.pair_kernels import EMPTY, LARGEST
from models.state.pair_table import PairTable
from tests.models.pair_twin import Counts, counts_of, row_of

COUNT = st.one_of(st.integers(0, 5), st.integers(0, LARGEST))
ROWS = st.dictionaries(st.integers(0, EMPTY - 1), st.tuples(COUNT, COUNT).filter(any), max_size=40)


def read(packed: bytes) -> PairRow:
    reader = Reader(head(b"X", 1) + packed, b"X", 1)
    row = read_row(reader)
    reader.end()
    return row


@given(ROWS)
def test_row_is_read_as_it_was_packed(counts: Counts) -> None:
    assert counts_of(read(pack_row(row_of(counts)))) == dict(sorted(counts.items()))


@given(ROWS.filter(bool), st.data())
def test_truncated_row_is_refused(counts: Counts, data: st.DataObject) -> None:
    packed = pack_row(row_of(counts))
    with pytest.raises(ValueError, match="packed"):
        read(packed[: data.draw(st.integers(0, len(packed) - 1))])


@given(st.integers(0, 6), st.binary(max_size=40))
def test_any_bytes_are_a_row_of_sorted_pairs_with_counts_or_refused(count: int, body: bytes) -> None:
    try:
        row = read(count.to_bytes(4, "little") + len(body).to_bytes(4, "little") + body)
    except ValueError:
        return
    keys = row.keys.tolist()
    assert keys == sorted(set(keys))
    assert len(keys) == count
    assert max(keys, default=0) < EMPTY
    assert all(near or liked for near, liked in counts_of(row).values())


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("a key twice", b"\x05\x00\x01\x01\x01\x01"),
        ("a pair without counts", b"\x05\x01\x00\x01\x00\x01"),
        ("bytes too many", b"\x05\x01\x01\x01\x01\x01\x01"),
        ("the key of a free place", b"\x80\x80\x80\x80\x10\x01\x01\x01\x01\x01"),
        ("a count that is no uint32", b"\x05\x01\x80\x80\x80\x80\x10\x01\x01\x01"),
        ("a number without an end", b"\x05\x01\x01\x01\x01\x81"),
    ],
)
def test_malformed_row_is_refused_and_changes_nothing(what: str, body: bytes) -> None:
    packed = (2).to_bytes(4, "little") + len(body).to_bytes(4, "little") + body
    table = PairTable()
    table.put(0, row_of({7: (1, 1)}))
    with pytest.raises(ValueError, match="not 2 sorted pairs"):
        table.load(0, Reader(head(b"X", 1) + packed, b"X", 1))
    assert counts_of(table.row(0)) == {7: (1, 1)}, what


def test_pairs_without_counts_are_not_packed() -> None:
    table = PairTable()
    table.put(0, row_of({3: (0, 0), 7: (1, 0)}))
    assert counts_of(read(table.pack(0))) == {7: (1, 0)}
    assert table.pack(5) == pack_row(row_of({}))


def test_small_counts_take_six_bytes_a_pair() -> None:
    counts = {key * 2**22: (key % 5 == 0, 1) for key in range(1, 1_001)}
    assert len(pack_row(row_of(counts))) == pytest.approx(6 * 1_000, rel=0.01)
