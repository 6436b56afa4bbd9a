"""An item's row: both halves in any order, and bytes that come back as they went."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.builders import evidence
from workers.items.rows import ItemRow

CATALOG = st.none() | st.dictionaries(st.sampled_from(["title", "category"]), st.text(max_size=20)).map(orjson.dumps)
STEPS = st.lists(st.tuples(st.sampled_from("pqr"), st.integers(0, 2), st.floats(-5, 5, width=32)), max_size=20)


def row(catalog: bytes | None = None, offset: int = 0) -> ItemRow:
    made = ItemRow()
    made.describe(catalog, offset)
    return made


@given(CATALOG, st.integers(0, 2**40), STEPS)
def test_a_row_comes_back_as_it_was_packed(
    catalog: bytes | None, offset: int, steps: list[tuple[str, int, float]]
) -> None:
    packed = row(catalog, offset)
    for number, (before, partition, weight) in enumerate(steps):
        packed.learn(evidence(number, [before], partition=partition, weight=weight))
    found = ItemRow.unpack(packed.pack())
    assert (found.catalog, found.catalog_offset) == (catalog, offset)
    assert found.revision() == packed.revision()
    assert found.use.transitions.counts() == packed.use.transitions.counts()
    assert found.order_scores() == packed.order_scores()
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


def test_a_deletion_keeps_the_use_and_hides_the_item() -> None:
    made = row(b'{"category":"c"}', offset=1)
    made.learn(evidence(1))
    assert made.labels() == ("c",)
    assert made.describe(None, offset=2)
    assert (made.entry(), made.labels(), made.use.count) == ({}, (), 1)


def test_each_half_moves_the_revision() -> None:
    made = row(b"{}", offset=1)
    first = made.revision()
    made.learn(evidence(3))
    second = made.revision()
    made.describe(b"{}", offset=9)
    assert first != second != made.revision() != first


def test_popularity_that_was_asked_for_before_is_not_kept_for_later() -> None:
    made = row(b"{}")
    before = made.order_scores()
    made.learn(evidence(4))
    assert made.order_scores() > before
