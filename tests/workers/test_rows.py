"""An item's row of the catalog: records in any order, learned vectors, and bytes that come back as they went."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.builders import axis
from workers.items.rows import CATALOG_ORIGIN, FORWARDED_ORIGIN, ItemRow
from workers.items.slots import VectorRecord

CATALOG = st.none() | st.dictionaries(st.sampled_from(["title", "category"]), st.text(max_size=20)).map(orjson.dumps)
PLACES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2**40)), max_size=5)


def row(catalog: bytes | None = None, offset: int = 0) -> ItemRow:
    made = ItemRow()
    made.describe(catalog, offset)
    return made


@given(CATALOG, st.integers(0, 2**40), PLACES, st.integers(0, 9))
def test_a_row_comes_back_as_it_was_packed(
    catalog: bytes | None, offset: int, places: list[tuple[int, int]], version: int
) -> None:
    packed = row(catalog, offset)
    packed.restate(catalog, offset, dict(places))
    packed.slots.take(VectorRecord("i", "a", version, axis(1)))
    found = ItemRow.unpack(packed.pack())
    assert (found.catalog, found.catalog_offset) == (catalog, offset)
    assert (found.forwarded, found.revision()) == (packed.forwarded, packed.revision())
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


def test_a_deletion_leaves_an_empty_entry_that_is_known_as_one() -> None:
    made = row(b'{"category":"c"}', offset=1)
    assert made.facts().labels == ("c",)
    assert made.describe(None, offset=2)
    assert (made.entry(), made.facts().labels, made.is_deleted) == ({}, (), True)
    assert not ItemRow().is_deleted


def test_facts_are_those_of_the_entry_or_what_goes_without_saying() -> None:
    entry = {"category": "c", "tags": ["t"], "price": 3, "available": False, "attributes": {"size": 4}}
    facts, empty = row(orjson.dumps(entry)).facts(), ItemRow().facts()
    assert (facts.labels, facts.price, facts.available, facts.attributes) == (("c", "t"), 3.0, False, {"size": 4})
    assert (empty.labels, empty.available, empty.attributes) == ((), True, {})
    assert empty.price != empty.price and empty.published_at != empty.published_at


def test_each_part_moves_the_revision() -> None:
    made = row(b"{}", offset=1)
    revisions = [made.revision()]
    made.slots.take(VectorRecord("i", "a", 3, axis(1)))
    revisions.append(made.revision())
    made.describe(b"{}", offset=9)
    revisions.append(made.revision())
    assert len(set(map(tuple, revisions))) == 3


def test_marks_name_the_catalog_and_the_places_of_forwarded_records() -> None:
    made = row(b"{}", offset=4)
    made.describe(b"{}", 5, first=(3, 17))
    assert made.marks() == {CATALOG_ORIGIN: 5, FORWARDED_ORIGIN + 3: 17}
    assert ItemRow().marks() == {}
