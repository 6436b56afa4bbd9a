"""Items side by side."""

import numpy as np
import pytest

from models.retrieval.item_table import ItemTable
from models.retrieval.sources import CATEGORY, COOCCURRENCE, POPULARITY, TRANSITIONS, transition_query
from models.state.evidence import Evidence
from models.state.item_state import ItemState
from tests.models.builders import axis, evidence


def use(table: ItemTable, item_id: str, *pieces: Evidence) -> ItemState:
    """Have an item's state and the table know some events on it."""
    item = ItemState()
    for piece in pieces:
        item.apply(piece)
        table.update(item_id, item, piece)
    return item


def test_item_described_twice_is_as_rare_as_one_described_once() -> None:
    once, twice = ItemTable(dim=4), ItemTable(dim=4)
    for table in (once, twice):
        table.describe("a", axis(0), [])
        table.describe("b", axis(1), [])
    for _ in range(5):
        twice.describe("a", axis(0), [])
    query = (axis(0) + axis(1)) / np.float32(2)
    ours, theirs = (table.scores(np.arange(2), {}, {"taste": query}, {})["taste"] for table in (once, twice))
    assert ours.tolist() == theirs.tolist()


def test_new_description_replaces_the_old_one() -> None:
    table = ItemTable(dim=4)
    table.describe("a", axis(0), ["Crime"])
    table.describe("a", axis(1), ["Drama"])
    vector = table.vector("a")
    assert vector is not None
    assert vector.tolist() == axis(1).tolist()
    assert table.categories("a") == ["Drama"]


def test_scores_are_the_dot_products_of_the_items_rows() -> None:
    table = ItemTable(dim=4)
    items = [
        use(table, "a", evidence(0, ("x", "y")), evidence(1, ("x",))),
        use(table, "b", evidence(0, ("y",))),
    ]
    query = transition_query(["y", "x"], lambda item_id: 0).vector
    scores = table.scores(np.arange(2), {TRANSITIONS: query}, {}, {})[TRANSITIONS]
    assert scores.tolist() == pytest.approx([item.transition_row().dot(query) for item in items])


def test_dislike_is_neither_cooccurrence_nor_popularity() -> None:
    table = ItemTable(dim=4)
    use(table, "a", evidence(0, ("x",), weight=-4.0))
    query = transition_query(["x"], lambda item_id: 0)
    found = table.scores(np.arange(1), {TRANSITIONS: query.vector, COOCCURRENCE: query.vector}, {}, {})
    assert (found[TRANSITIONS].tolist(), found[COOCCURRENCE].tolist()) == ([pytest.approx(1 / 50)], [0.0])
    assert table.scores(np.arange(1), {}, {}, {})[POPULARITY].tolist() == [0.0]


def test_change_after_the_last_question_shows_in_the_next() -> None:
    table, item = ItemTable(dim=4), ItemState()
    query = {TRANSITIONS: transition_query(["x"], lambda item_id: 0).vector}
    found = []
    for offset in range(2):
        piece = evidence(offset, ("x",))
        item.apply(piece)
        table.update("a", item, piece)
        found.append(float(table.scores(np.arange(1), query, {}, {})[TRANSITIONS][0]))
    assert found[1] == pytest.approx(2 * found[0])


def test_candidates_are_the_best_of_every_source_and_only_those() -> None:
    table = ItemTable(dim=4)
    for number in range(500):
        table.describe(f"i{number}", axis(number % 4), [])
    use(table, "i499", evidence(0, ("x",)))
    query = {TRANSITIONS: transition_query(["x"], lambda item_id: 0).vector}
    slots, scores = table.candidates(np.arange(500), query, {"taste": axis(0)}, {}, width=50)
    assert 499 in slots
    assert len(slots) == 51
    assert all(len(found) == 51 for found in scores.values())


def test_sources_that_name_too_few_leave_all_items_as_candidates() -> None:
    table = ItemTable(dim=4)
    for number in range(500):
        table.describe(f"i{number}", axis(0), [])
    assert len(table.candidates(np.arange(500), {}, {}, {}, width=50)[0]) == 500


def test_unknown_prices_are_silent() -> None:
    table = ItemTable(dim=4)
    table.describe("a", axis(0), [], price=9.0)
    table.describe("b", axis(0), [], price=None)
    assert table.prices(["a", "b"]) == [9.0]
    assert table.price_column(np.arange(2)).tolist() == [9.0, 0.0]


def test_category_counts_as_much_as_the_user_likes_it() -> None:
    table = ItemTable(dim=4)
    for item_id, genre in (("a", "Crime"), ("b", "Drama")):
        table.describe(item_id, axis(0), [genre])
        use(table, item_id, evidence())
    scores = table.scores(np.arange(2), {}, {}, {"Crime": 0.75, "Drama": 0.25})
    assert scores[CATEGORY].tolist() == pytest.approx([0.75, 0.25])


def test_items_beyond_the_first_room_are_found_too() -> None:
    table = ItemTable(dim=4)
    for number in range(3_000):
        table.describe(str(number), axis(number % 4), [])
    assert len(table) == len(table.item_ids) == 3_000
    assert table.item_ids[2_999] == "2999"
    vector = table.vector("2999")
    assert vector is not None
    assert vector.tolist() == axis(3).tolist()
