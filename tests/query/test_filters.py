"""What may not be shown, as one mask over all items, and as far as the index can be told."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.primitives.ids import item_key
from models.ranking.fusion import Situation
from models.retrieval.catalog_columns import CatalogFacts
from models.retrieval.item_table import ItemTable
from models.state.user_state import UserState
from tests.models.builders import event, evidence
from tests.query.builders import NOW_MS, request
from workers.errors import BadRecordError
from workers.index.filters import Condition, Equals, OnlyIds, matches
from workers.recommend import filters
from workers.recommend.context import QueryContext
from workers.recommend.filters import TWICE, WIDER, allowed, for_the_index, required
from workers.recommend.paging import Page


def context(*seen: str, **body: object) -> QueryContext:
    user = UserState()
    for offset, item_id in enumerate(seen):
        user.fold(event(item_id, offset))
    return QueryContext(request(**body), Page("r"), Situation(), user)


def table_of(*item_ids: str, rated: Mapping[str, float] = {}) -> ItemTable:
    """Items of the catalog, some of them rated."""
    table = ItemTable(2, lambda item_id: np.zeros(2, dtype=np.float32))
    for item_id in item_ids:
        table.describe(item_id, CatalogFacts())
    for item_id, stars in rated.items():
        state = table.new_state(item_id)
        state.apply(evidence(item_id=item_id, rating=stars))
        table.use.note(state)
    table.settle()
    return table


def shown(asked: QueryContext, table: ItemTable) -> list[str]:
    return list(table.slots.ids[allowed(asked, table).shown])


def told(asked: QueryContext, table: ItemTable) -> tuple[tuple[Condition, ...], int]:
    return for_the_index(asked, allowed(asked, table), table)


def test_what_was_seen_excluded_returned_or_is_unknown_to_the_catalog_is_not_shown() -> None:
    table = table_of("a", "b", "c", "d", "e")
    table.new_state("uncataloged")
    asked = replace(context("a", exclude=["b", "nowhere"]), page=Page("r", (item_key("c"),)))
    assert shown(asked, table) == ["d", "e"]


def test_pins_may_bring_back_what_was_seen_and_nothing_else() -> None:
    table = table_of("a", "b", "c")
    may = allowed(context("a", exclude=["b"]), table)
    assert list(table.slots.ids[may.to_pin]) == ["a", "c"]


def test_what_the_history_has_forgotten_is_still_seen() -> None:
    many = [f"i{n}" for n in range(300)]
    assert shown(context(*many), table_of(*many, "new")) == ["new"]


def test_a_search_hides_nothing_that_was_seen() -> None:
    assert shown(context("a", kind="search", text="a"), table_of("a", "b")) == ["a", "b"]


def test_the_index_is_told_nothing_where_most_may_be_shown() -> None:
    assert told(context("a", exclude=["b"]), table_of("a", "b", "c", "d")) == ((), TWICE)


def test_the_index_is_told_what_it_knows_of_a_narrow_filter() -> None:
    conditions, wider = told(context("a", exclude=["b"]), table_of("a", "b", "c"))
    assert (conditions, wider) == ((Equals("available", 1),), TWICE)


def test_the_index_knows_no_ratings_and_gets_the_ids_that_pass_or_is_asked_for_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = table_of("a", "b", "c", rated={"a": 4.5, "b": 3.0})
    liked = context(filters={"min_mean_rating": 4})
    assert told(liked, table) == ((OnlyIds(frozenset({"a"})),), 1)
    monkeypatch.setattr(filters, "MAX_IDS", 0)
    assert told(liked, table) == ((Equals("available", 1),), WIDER)


def test_filters_mean_what_they_say() -> None:
    wanted = required(context(filters={"category": ["c", "d"], "price": {"min": 2, "max": 5}, "tags": ["t"]}))
    good = {"available": 1, "category": "d", "price": 5, "tags": ["s", "t"]}

    def passes(**changed: object) -> bool:
        return all(matches(condition, "i", {**good, **changed}) for condition in wanted)

    assert passes()
    assert not passes(available=0)
    assert not passes(category="e")
    assert not passes(price=5.1) and not passes(price=1)
    assert not passes(tags=["s"])


def of_profile(held: dict[str, Any], liked: tuple[str, ...] = (), **filters: object) -> QueryContext:
    """A query with filters, of a user whose profile says this."""
    user = UserState()
    user.profile.learn((NOW_MS, 0, 0), held, liked)
    return QueryContext(request(filters=filters), Page("r"), Situation(), user)


def test_a_least_mean_rating_leaves_out_what_is_below_and_what_is_unrated() -> None:
    [_, wanted] = required(context(filters={"min_mean_rating": 4}))
    assert matches(wanted, "i", {"mean_rating": 4.0})
    assert not matches(wanted, "i", {"mean_rating": 3.9}) and not matches(wanted, "i", {})


def test_preferred_means_the_categories_of_the_profile() -> None:
    [_, wanted] = required(of_profile({}, ("film", "series"), preferred=True))
    assert matches(wanted, "i", {"category": "series"}) and not matches(wanted, "i", {"category": "ad"})


def test_who_prefers_nothing_gets_everything() -> None:
    assert required(of_profile({}, preferred=True)) == required(context(filters={"preferred": True}))
    assert len(required(of_profile({}, preferred=True))) == 1


@pytest.mark.parametrize(
    ("held", "passes", "fails"),
    [("NL", "NL", "FR"), (["NL", "BE"], "BE", "FR"), (7, 7.0, 8), (True, 1, 0)],
)
def test_an_attribute_may_be_asked_for_as_the_profile_has_it(held: Any, passes: Any, fails: Any) -> None:
    [_, wanted] = required(of_profile({"country": held}, attributes={"region": {"profile": "country"}}))
    assert matches(wanted, "i", {"attributes": {"region": passes}})
    assert not matches(wanted, "i", {"attributes": {"region": fails}})


def test_a_default_stands_in_for_what_the_profile_does_not_hold() -> None:
    asked = {"region": {"profile": "country", "default": "NL"}}
    assert Equals("attributes.region", "NL") in required(of_profile({}, attributes=asked))
    assert Equals("attributes.region", "FR") in required(of_profile({"country": "FR"}, attributes=asked))


def test_what_the_profile_does_not_hold_is_an_error_that_names_it_and_the_way_out() -> None:
    with pytest.raises(BadRecordError, match=r"'country'.*default") as refused:
        required(of_profile({}, attributes={"region": {"profile": "country"}}))
    assert refused.value.code == "missing_profile"
