"""What an answer says of a past that did not happen is what a user with that past gets."""

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from models.ranking.fusion import Situation
from models.state.user_state import UserState
from tests.query.builders import NOW_MS, World, answer, fold, request, touch, two_clusters
from tests.query.test_controls import decoded
from workers.errors import BadRecordError

HISTORY = [("red-0", "purchase"), ("blue-2", "view"), ("red-1", "purchase"), ("blue-2", "like"), ("red-3", "click")]
MINUTE_MS = 60_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[World]:
    """Two clusters, a ranker that has learned something, and users who did all but one thing of what w did."""
    async with two_clusters() as made:
        await act(made, "w", HISTORY)
        for gone in {item_id for item_id, _ in HISTORY}:
            await act(made, f"w-without-{gone}", [(item, kind) for item, kind in HISTORY if item != gone])
        await fold(made)
        teach(made)
        yield made


async def act(deps: World, user: str, history: list[tuple[str, str]]) -> None:
    """Events at the same moments, whatever else the user did."""
    for item_id, kind in history:
        at_ms = NOW_MS - (len(HISTORY) - HISTORY.index((item_id, kind))) * 20 * MINUTE_MS
        await touch(deps, [(user, item_id)], kind, at_ms)


def teach(deps: World) -> None:
    scores = {name: np.linspace(0.0, 1.0, 5) for name in ("transitions", "reversed", "taste", "trending", "match")}
    for _ in range(50):
        deps.fusion.learn({**scores, "popularity": np.linspace(1.0, 0.0, 5)}, Situation(history_length=4, gap_ms=1), 4)


def row(deps: World, user: str) -> UserState:
    found = deps.user(user)
    assert found is not None
    return found


async def really_without(deps: World, gone: str, **body: Any) -> dict[str, tuple[int, float]]:
    """Rank and score of each item for the user without that event, who must not get it either."""
    exclude = sorted({item_id for item_id, _ in HISTORY})
    reply = await answer(deps, user_id=f"w-without-{gone}", limit=100, exclude=exclude, **body)
    return {item.item_id: (item.rank, item.score) for item in reply.items}


@pytest.mark.parametrize("kind", ["for_user", "search"])
async def test_without_says_what_a_real_removal_gives(deps: World, kind: str) -> None:
    body = {"kind": "search", "text": "red blue", "personalised": True} if kind == "search" else {}
    exclude = sorted({item_id for item_id, _ in HISTORY})
    items = (await answer(deps, user_id="w", limit=100, explain="counterfactual", exclude=exclude, **body)).items
    assert len({item.without.item_id for item in items if item.without}) > 1
    for item in items:
        if item.without is not None:
            assert item.without.item_id in {reason.item_id for reason in item.reasons}
            rank, score = (await really_without(deps, item.without.item_id, **body))[item.item_id]
            assert item.without.score == pytest.approx(score, rel=1e-4, abs=1e-4)
            assert item.without.rank == rank


async def test_boosts_count_in_what_would_be(deps: World) -> None:
    deps.rules.put("default", decoded("default", boosts=[{"name": "b", "where": {"category": "blue"}, "add": 3}]))
    try:
        [first, *_] = (await answer(deps, user_id="w", limit=100, explain="counterfactual")).items
        assert first.without is not None
        rank, score = (await really_without(deps, first.without.item_id))[first.item_id]
        assert (first.without.rank, first.without.score) == (rank, pytest.approx(score, rel=1e-4))
    finally:
        deps.rules.put("default", None)


async def test_a_session_that_was_given_is_taken_apart_as_well(deps: World) -> None:
    viewed = ["red-0", "blue-2", "red-1"]
    items = (await answer(deps, kind="session", item_ids=viewed, limit=100, explain="counterfactual")).items
    for item in items:
        if item.without is not None:
            left = [name for name in viewed if name != item.without.item_id]
            less = await answer(deps, kind="session", item_ids=left, limit=100, exclude=[item.without.item_id])
            [(rank, score)] = [(one.rank, one.score) for one in less.items if one.item_id == item.item_id]
            assert (item.without.rank, item.without.score) == (rank, pytest.approx(score, rel=1e-4))


async def test_the_only_event_of_a_user_taken_away_leaves_a_stranger(deps: World) -> None:
    await touch(deps, [("once", "red-5")])
    items = (await answer(deps, user_id="once", limit=100, explain="counterfactual", exclude=["red-5"])).items
    stranger = await answer(deps, user_id="nobody", limit=100, exclude=["red-5"])
    expected = {item.item_id: (item.rank, item.score) for item in stranger.items}
    stated = {item.item_id: (item.without.rank, item.without.score) for item in items if item.without}
    assert stated
    assert stated == {item_id: (expected[item_id][0], pytest.approx(expected[item_id][1])) for item_id in stated}


async def test_it_is_only_said_where_asked_for_and_where_a_past_stands_behind_it(deps: World) -> None:
    assert not [item for item in (await answer(deps, user_id="w", explain=True)).items if item.without]
    similar = await answer(deps, kind="similar_items", item_ids=["red-1"], explain="counterfactual")
    assert similar.items and not [item for item in similar.items if item.without]


async def test_asking_what_would_be_changes_nothing(deps: World) -> None:
    before = row(deps, "w").pack()
    first = await answer(deps, user_id="w", explain="counterfactual")
    assert (await answer(deps, user_id="w", explain="counterfactual")).items == first.items
    assert row(deps, "w").pack() == before
    plain = await answer(deps, user_id="w")
    assert [item.item_id for item in plain.items] == [item.item_id for item in first.items]


async def test_other_words_than_counterfactual_are_refused() -> None:
    with pytest.raises(BadRecordError):
        request(explain="deeply")
