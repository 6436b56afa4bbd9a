"""An entry's row: catalog and learned vectors in any order, and bytes that come back as they went."""

from math import isnan

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.items.rows import ItemRow
from workers.items.slots import VectorRecord

CATALOG = st.none() | st.dictionaries(st.sampled_from(["title", "category"]), st.text(max_size=20)).map(orjson.dumps)
VERSIONS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9)), max_size=5)
PLACES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99)), max_size=5)


def row(catalog: bytes | None = None, offset: int = 0) -> ItemRow:
    made = ItemRow()
    made.describe(catalog, offset)
    return made


def learned(slot: str, version: int) -> VectorRecord:
    return VectorRecord("i", slot, version, np.full(2, version, dtype=np.float32))


@given(CATALOG, st.integers(0, 2**40), VERSIONS, PLACES)
def test_a_row_comes_back_as_it_was_packed(
    catalog: bytes | None, offset: int, versions: list[tuple[str, int]], places: list[tuple[int, int]]
) -> None:
    packed = row(catalog, offset)
    for slot, version in versions:
        packed.slots.take(learned(slot, version))
    for place in places:
        packed.forwarded.advance(place)
    found = ItemRow.unpack(packed.pack())
    assert (found.catalog, found.catalog_offset, found.marks()) == (catalog, offset, packed.marks())
    assert found.revision() == packed.revision()
    assert found.pack() == packed.pack()


@given(st.binary(max_size=80) | st.integers(0, 200).map(lambda cut: row(b"{}").pack()[:cut]))
def test_truncated_and_malformed_bytes_are_refused(data: bytes) -> None:
    if data == row(b"{}").pack():
        return
    with pytest.raises(ValueError):
        ItemRow.unpack(data)


def test_a_repeated_or_older_catalog_record_changes_nothing() -> None:
    made = row(b'{"title":"new"}', offset=5)
    assert not made.describe(b'{"title":"old"}', offset=5)
    assert not made.describe(None, offset=4)
    assert made.entry() == {"title": "new"}


def test_a_deletion_keeps_the_vectors_and_hides_the_item() -> None:
    made = row(b'{"category":"c"}', offset=1)
    made.slots.take(learned("a", 1))
    assert made.facts().labels == ("c",)
    assert made.describe(None, offset=2)
    assert (made.entry(), made.facts().labels, made.is_deleted) == ({}, (), True)
    assert made.slots.version("a") == 1


def test_each_part_moves_the_revision() -> None:
    made = row(b"{}", offset=1)
    first = made.revision()
    made.slots.take(learned("a", 3))
    second = made.revision()
    made.describe(b"{}", offset=9)
    assert first != second != made.revision() != first


def test_what_an_entry_does_not_say_is_unknown_but_that_it_is_available() -> None:
    facts = row(b"{}").facts()
    assert facts.available and facts.category is None and isnan(facts.price) and isnan(facts.published_at)
    said = row(b'{"price":2,"available":false,"published_at":5,"tags":["t"],"attributes":{"n":1}}').facts()
    assert (said.price, said.available, said.published_at) == (2.0, False, 5.0)
    assert (tuple(said.tags), said.attributes) == (("t",), {"n": 1})
