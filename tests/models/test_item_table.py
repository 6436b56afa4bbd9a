"""Items side by side: what enters, changes and leaves."""

import numpy as np
import pytest

from models.primitives.text import Vector
from models.retrieval.catalog_columns import CatalogFacts
from models.retrieval.item_table import ItemTable
from tests.models.builders import axis, evidence

DIM = 4


class Catalog:
    """A table over embeddings that a test sets."""

    def __init__(self) -> None:
        self.vectors: dict[str, Vector] = {}
        self.table = ItemTable(DIM, lambda item_id: self.vectors.get(item_id, np.zeros(DIM, dtype=np.float32)))

    def describe(self, item_id: str, vector: Vector, **facts: object) -> None:
        self.vectors[item_id] = vector
        self.table.describe(item_id, CatalogFacts(**facts))  # type: ignore[arg-type]


def test_item_described_twice_is_as_rare_as_one_described_once() -> None:
    once, twice = Catalog(), Catalog()
    for catalog in (once, twice):
        catalog.describe("a", axis(0))
        catalog.describe("b", axis(1))
        catalog.table.vectors(np.arange(2))
    for _ in range(5):
        twice.describe("a", axis(0))
        twice.table.vectors(np.arange(2))
    query = axis(0) + axis(1)
    assert once.table.rarity.turn(query).tolist() == twice.table.rarity.turn(query).tolist()


def test_new_description_replaces_the_old_one() -> None:
    catalog = Catalog()
    catalog.describe("a", axis(0), labels=("Crime",), category="Crime", tags=("noir",), price=5.0)
    assert catalog.table.vector("a") is not None
    catalog.describe("a", axis(1), labels=("Drama",), category="Drama")
    table = catalog.table
    vector = table.vector("a")
    assert vector is not None and vector.tolist() == axis(1).tolist()
    assert (table.labels_of("a"), table.catalog.categories(np.arange(1), 1)) == (("Drama",), ["Drama"])
    assert not table.catalog.having("category", "Crime", 1)[0] and not table.catalog.having("tags", "noir", 1)[0]
    assert table.prices_of(np.arange(1)) == []


def test_an_item_without_a_category_is_of_none() -> None:
    catalog = Catalog()
    catalog.describe("a", axis(0))
    assert catalog.table.catalog.categories(np.arange(1), 1) == [None]
    assert not catalog.table.catalog.having("category", "", 1)[0]


def test_unknown_prices_are_silent() -> None:
    catalog = Catalog()
    catalog.describe("a", axis(0), price=9.0)
    catalog.describe("b", axis(0))
    assert catalog.table.prices_of(np.arange(2)) == [9.0]


def test_an_item_keeps_its_use_when_the_catalog_loses_it_and_its_slot_goes_with_both() -> None:
    catalog = Catalog()
    table = catalog.table
    catalog.describe("a", axis(0))
    state = table.new_state("a")
    state.apply(evidence(0, ("x",), item_id="a"))
    table.use.note(state)
    table.settle()
    table.remove("a")
    assert (table.users_of("a"), table.knows("a"), table.vector("a")) == (1, False, None)
    table.drop_state("a")
    assert (table.slots.find("a"), table.users_of("a")) == (None, 0)
    catalog.describe("b", axis(1))
    assert (table.slots.find("b"), table.users_of("b")) == (0, 0)


def test_a_packed_state_comes_back_with_its_pairs() -> None:
    table = Catalog().table
    state = table.new_state("a")
    state.apply(evidence(0, ("x",), item_id="a", bought_with=("y",)))
    packed = state.pack()
    other = Catalog().table
    other.slots.take("first")
    assert other.load_state("a", packed).pack() == packed
    other.settle()
    assert (other.users_of("a"), other.buyers_of("a")) == (1, 1)


def test_a_malformed_state_leaves_nothing_behind() -> None:
    table = Catalog().table
    with pytest.raises(ValueError):
        table.load_state("a", table.new_state("b").pack()[:-1])
    assert table.slots.find("a") is None


def test_nearest_items_are_those_allowed_whose_embeddings_are() -> None:
    catalog = Catalog()
    for number in range(3):
        catalog.describe(f"i{number}", (axis(0) * (number + 1)).astype(np.float32))
    catalog.describe("other", axis(1))
    catalog.table.embed_all()
    allowed = np.array([True, False, True, True])
    assert catalog.table.nearest(axis(0), allowed, width=5).tolist() == [2, 0]


def test_items_beyond_the_first_room_are_found_too() -> None:
    catalog = Catalog()
    for number in range(3_000):
        catalog.describe(str(number), axis(number % DIM))
    table = catalog.table
    assert len(table) == len(table.slots.ids) == 3_000
    assert table.slots.ids[2_999] == "2999"
    vector = table.vector("2999")
    assert vector is not None and vector.tolist() == axis(3).tolist()
