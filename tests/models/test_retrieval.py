"""Candidates, their scores, and what stands behind these, on tables whose right answers are known by construction."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.retrieval.catalog_columns import CatalogFacts
from models.retrieval.item_table import ItemTable
from models.retrieval.retrieval import Asked, candidates, evidence_rows, scores
from models.retrieval.sources import (
    BOUGHT_TOGETHER,
    CATEGORY,
    COOCCURRENCE,
    DAY,
    MATCH,
    POPULARITY,
    PREFERRED,
    PRICE,
    REACH,
    REVERSED,
    TASTE,
    TRANSITIONS,
    TRENDING,
    seed_query,
    transition_query,
)
from models.state.evidence import Evidence
from models.state.item_state import HALF_LIVES, ItemState
from tests.models.builders import axis, evidence

NAMES = ["a", "b", "c", "d", "e"]
Told = tuple[str, list[str], bool, list[str]]
TOLD = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.lists(st.sampled_from(NAMES), max_size=4, unique=True),
        st.booleans(),
        st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    ),
    max_size=12,
)


def table_of(*item_ids: str, **facts: CatalogFacts) -> ItemTable:
    """Items of the catalog, in the direction of their own axis."""
    table = ItemTable(4, lambda item_id: axis(table.slots.find(item_id) or 0))
    for item_id in (*item_ids, *facts):
        table.describe(item_id, facts.get(item_id, CatalogFacts()))
    return table


def use(table: ItemTable, item_id: str, *pieces: Evidence, state: ItemState | None = None) -> ItemState:
    """Have an item's state and the table know some events on it."""
    item = state or table.new_state(item_id)
    for piece in pieces:
        item.apply(piece)
    table.use.note(item)
    table.settle()
    return item


def everything(table: ItemTable) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(len(table), dtype=np.bool_)


def scored(table: ItemTable, asked: Asked) -> dict[str, list[float]]:
    return {source: found.tolist() for source, found in scores(table, asked, np.arange(len(table))).items()}


def asking(*item_ids: str) -> Asked:
    query = transition_query(item_ids, lambda item_id: 0)
    return Asked(history={TRANSITIONS: query, COOCCURRENCE: query, REVERSED: query})


def test_dislike_is_neither_cooccurrence_nor_popularity() -> None:
    table = table_of("a")
    use(table, "a", evidence(0, ("x",), weight=-4.0))
    found = scored(table, asking("x"))
    assert (found[TRANSITIONS], found[COOCCURRENCE], found[POPULARITY]) == ([pytest.approx(1 / 50)], [0.0], [0.0])


def test_change_after_the_last_question_shows_in_the_next() -> None:
    table = table_of("a")
    state = use(table, "a", evidence(0, ("x",)))
    first = scored(table, asking("x"))[TRANSITIONS][0]
    use(table, "a", evidence(1, ("x",)), state=state)
    assert scored(table, asking("x"))[TRANSITIONS][0] == pytest.approx(2 * first)


@given(TOLD, st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
def test_scores_are_sums_over_what_was_told_and_rows_explain_them(told: list[Told], asked_about: list[str]) -> None:
    table = table_of(*NAMES)
    states = {name: table.new_state(name) for name in NAMES}
    near, liked, bought = ({(x, y): 0.0 for x in NAMES for y in NAMES} for _ in range(3))
    for offset, (item_id, before, likes, together) in enumerate(told):
        before, together = [n for n in before if n != item_id], [n for n in together if n != item_id]
        piece = evidence(offset, before, item_id=item_id, weight=1.0 if likes else -1.0, bought_with=together)
        states[item_id].apply(piece)
        for distance, name in enumerate(before, start=1):
            near[name, item_id] += 1 / distance
            liked[name, item_id] += likes
        for name in together:
            bought[name, item_id] += 1
    table.settle()
    query = seed_query(asked_about, lambda item_id: 0)
    asked = Asked(history=dict.fromkeys((TRANSITIONS, COOCCURRENCE, REVERSED, BOUGHT_TOGETHER), query))
    found = scored(table, asked)
    rows = evidence_rows(table, np.arange(len(table)), asked.history)
    for slot, name in enumerate(table.slots.ids):
        expected = {
            TRANSITIONS: sum(near[other, name] for other in asked_about) / 50,
            COOCCURRENCE: sum(liked[other, name] for other in asked_about) / 50,
            REVERSED: sum(near[name, other] for other in asked_about) / 50,
            BOUGHT_TOGETHER: sum(bought[other, name] + bought[name, other] for other in asked_about) / 50,
        }
        for source, amount in expected.items():
            assert found[source][slot] == pytest.approx(amount, rel=1e-5, abs=1e-9)
            assert rows[slot][source].dot(query.vector) == pytest.approx(amount, rel=1e-5, abs=1e-9)


def test_candidates_are_the_best_of_every_source_and_only_those() -> None:
    table = table_of(*(f"i{number}" for number in range(500)))
    use(table, "i499", evidence(0, ("x",), item_id="i499"))
    brought = np.array([7, 8])
    found = candidates(table, asking("x"), everything(table), 50, brought, fill=False)
    assert found.tolist() == [7, 8, 499]


def test_sources_that_name_too_few_are_filled_up_and_what_is_not_allowed_is_never_named() -> None:
    table = table_of(*(f"i{number}" for number in range(500)))
    use(table, "i499", evidence(0, ("x",), item_id="i499"))
    allowed = everything(table)
    allowed[[7, 499]] = False
    found = candidates(table, asking("x"), allowed, 50, np.array([7, 8]))
    assert len(found) == 50 and 8 in found and not {7, 499} & set(found.tolist())


def test_of_equals_the_same_ones_are_candidates_whatever_their_slots() -> None:
    names = [f"i{number}" for number in range(300)]

    def found(order: Sequence[str]) -> set[str]:
        table = table_of(*order)
        for offset, name in enumerate(names):
            use(table, name, evidence(offset, ("x",), item_id=name, clock=1))
        lists = ((HALF_LIVES[0], None),)
        asked = Asked(history=asking("x").history, lists=lists)
        return set(table.slots.ids[candidates(table, asked, everything(table), 20)].tolist())

    assert found(names) == found(names[::-1])


def test_bought_after_and_bought_before_are_both_candidates() -> None:
    table = table_of("a", "b", "c", "d")
    use(table, "b", evidence(0, item_id="b", bought_with=("a",)))
    use(table, "a", evidence(0, item_id="a", bought_with=("c",)))
    asked = Asked(history={BOUGHT_TOGETHER: seed_query(["a"], lambda item_id: 0)})
    found = candidates(table, asked, everything(table), 10, fill=False)
    assert table.slots.ids[found].tolist() == ["b", "c"]


def test_category_counts_as_much_as_the_user_likes_it() -> None:
    table = table_of(a=CatalogFacts(labels=("Crime",)), b=CatalogFacts(labels=("Drama", "War")), c=CatalogFacts())
    for item_id in ("a", "b", "c"):
        use(table, item_id, evidence())
    found = scored(table, Asked(affinity={"Crime": 0.75, "Drama": 0.25, "Unheard": 1.0}))
    assert found[MATCH] == pytest.approx([0.75, 0.125, 0.0])
    assert found[CATEGORY] == pytest.approx([0.75, 0.125, 0.0])


def test_what_is_not_asked_for_is_not_scored() -> None:
    table = table_of(a=CatalogFacts(labels=("Crime",), price=10.0))
    use(table, "a", evidence())
    assert {REACH, PRICE, PREFERRED, DAY, TASTE}.isdisjoint(scored(table, Asked()))
    asked = Asked(
        dense={TASTE: axis(0)}, prices=[5.0], preferred=["Crime"], personal=True, by_day=True, affinity={"Crime": 1.0}
    )
    found = scored(table, asked)
    assert TRENDING not in found
    expected = {REACH: 1.0, PRICE: 0.5, PREFERRED: 1.0, DAY: 1.0, TASTE: 1.0}
    assert {source: found[source] for source in expected} == {name: [value] for name, value in expected.items()}


def test_no_items_have_no_scores() -> None:
    table = table_of()
    assert candidates(table, asking("x"), everything(table), 10).tolist() == []
    assert all(found == [] for found in scored(table, asking("x")).values())


@pytest.mark.parametrize("count", [5_000, 20_000])
def test_items_that_nobody_touched_have_no_pairs_however_many_the_catalog_has(count: int) -> None:
    table = table_of(*(f"i{number}" for number in range(count)))
    use(table, "i0", evidence(0, ("i1",), item_id="i0"))
    found = scores(table, asking("i1"), np.arange(count))
    assert np.flatnonzero(found[TRANSITIONS]).tolist() == np.flatnonzero(found[COOCCURRENCE]).tolist() == [0]
    assert not scores(table, asking(f"i{count - 1}"), np.arange(count))[REVERSED].any()
