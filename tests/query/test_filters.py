"""What may not be shown is removed with its reason; what the index can leave out is passed to it."""

from typing import Any

import pytest

from models.ranking.fusion import Situation
from models.state.user_state import UserState
from tests.agents.dependencies import NOW_MS
from tests.models.builders import event
from tests.query.builders import request
from workers.errors import BadRecordError
from workers.index.filters import Equals, ExcludeIds, matches
from workers.recommend.context import QueryContext
from workers.recommend.filters import conditions, keep
from workers.recommend.paging import Page


def context(*seen: str, **body: object) -> QueryContext:
    user = UserState()
    for offset, item_id in enumerate(seen):
        user.fold(event(item_id, offset))
    return QueryContext(request(**body), Page("r"), Situation(), user)


def test_removed_items_are_counted_by_reason_and_the_others_keep_their_order() -> None:
    kept, removed = keep(["d", "a", "c", "b"], context("a", exclude=["b"]))
    assert kept == ["d", "c"]
    assert removed == {"seen": 1, "excluded": 1}


def test_what_the_history_has_forgotten_is_still_seen() -> None:
    many = [f"i{n}" for n in range(300)]
    kept, removed = keep([*many, "new"], context(*many))
    assert (kept, removed) == (["new"], {"seen": 300})


def test_the_index_is_told_what_was_seen_and_excluded_as_far_as_it_can_hold() -> None:
    [excluded] = [c for c in conditions(context("a", exclude=["b"])) if isinstance(c, ExcludeIds)]
    assert excluded.item_ids == {"a", "b"}
    [full] = [
        c for c in conditions(context("a", exclude=[f"x{n}" for n in range(10_000)])) if isinstance(c, ExcludeIds)
    ]
    assert len(full.item_ids) == 10_000


def test_ids_that_no_item_can_have_are_not_sent_to_the_index() -> None:
    assert not [c for c in conditions(context(exclude=["", "x" * 513])) if isinstance(c, ExcludeIds)]


def test_filters_mean_what_they_say() -> None:
    wanted = conditions(context(filters={"category": ["c", "d"], "price": {"min": 2, "max": 5}, "tags": ["t"]}))
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
    [_, wanted] = conditions(context(filters={"min_mean_rating": 4}))
    assert matches(wanted, "i", {"mean_rating": 4.0})
    assert not matches(wanted, "i", {"mean_rating": 3.9}) and not matches(wanted, "i", {})


def test_preferred_means_the_categories_of_the_profile() -> None:
    [_, wanted] = conditions(of_profile({}, ("film", "series"), preferred=True))
    assert matches(wanted, "i", {"category": "series"}) and not matches(wanted, "i", {"category": "ad"})


def test_who_prefers_nothing_gets_everything() -> None:
    assert conditions(of_profile({}, preferred=True)) == conditions(context(filters={"preferred": True}))
    assert len(conditions(of_profile({}, preferred=True))) == 1


@pytest.mark.parametrize(
    ("held", "passes", "fails"),
    [("NL", "NL", "FR"), (["NL", "BE"], "BE", "FR"), (7, 7.0, 8), (True, 1, 0)],
)
def test_an_attribute_may_be_asked_for_as_the_profile_has_it(held: Any, passes: Any, fails: Any) -> None:
    [_, wanted] = conditions(of_profile({"country": held}, attributes={"region": {"profile": "country"}}))
    assert matches(wanted, "i", {"attributes": {"region": passes}})
    assert not matches(wanted, "i", {"attributes": {"region": fails}})


def test_a_default_stands_in_for_what_the_profile_does_not_hold() -> None:
    asked = {"region": {"profile": "country", "default": "NL"}}
    assert Equals("attributes.region", "NL") in conditions(of_profile({}, attributes=asked))
    assert Equals("attributes.region", "FR") in conditions(of_profile({"country": "FR"}, attributes=asked))


def test_what_the_profile_does_not_hold_is_an_error_that_names_it_and_the_way_out() -> None:
    with pytest.raises(BadRecordError, match=r"'country'.*default") as refused:
        conditions(of_profile({}, attributes={"region": {"profile": "country"}}))
    assert refused.value.code == "missing_profile"
