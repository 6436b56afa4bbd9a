"""Who reads reasons sees titles: the reply names the items that its reasons refer to."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from load.client.report import answer_table
from tests.query.builders import World, answer, describe, fold, touch, two_clusters
from workers.recommend.assemble import TITLE_CHARS

LONG = "long " * 100
ASKED: list[dict[str, Any]] = [
    {},
    {"kind": "similar_items", "item_ids": ["red-1"]},
    {"kind": "similar_items", "item_ids": ["red-1", "red-2"]},
    {"kind": "bought_together", "item_ids": ["red-1", "red-2"]},
    {"kind": "session", "user_id": None, "item_ids": ["red-1", "blue-2"]},
    {"kind": "search", "text": "red", "personalised": True},
    {"explain": "counterfactual"},
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[World]:
    async with two_clusters() as made:
        yield made


def referred(reply: Any) -> set[str]:
    return {reason.item_id for item in reply.items for reason in item.reasons if reason.item_id is not None}


@pytest.mark.parametrize("body", ASKED, ids=str)
async def test_every_item_behind_a_reason_is_named_once(deps: World, body: dict[str, Any]) -> None:
    reply = await answer(deps, **{"explain": True, "limit": 100, **body})
    assert reply.titles == {item_id: item_id for item_id in referred(reply)}
    assert reply.titles


async def test_without_reasons_nothing_is_named(deps: World) -> None:
    assert (await answer(deps)).titles == {}
    assert (await answer(deps, kind="trending", explain=True)).titles == {}


async def test_long_titles_are_cut_and_items_without_a_title_left_out() -> None:
    async with two_clusters() as deps:
        await describe(deps, {"item_id": "red-1", "title": LONG}, {"item_id": "red-0"})
        await touch(deps, [("u", "unknown")])
        await fold(deps)
        reply = await answer(deps, explain=True, limit=100)
        assert {"red-0", "red-1"} <= referred(reply)
        assert reply.titles.keys() == referred(reply) - {"red-0", "unknown"}
        assert len(reply.titles["red-1"]) == TITLE_CHARS and reply.titles["red-1"].endswith("…")


def test_a_table_of_an_answer_names_titles_and_falls_back_to_ids() -> None:
    reasons = [
        {"kind": "followed_by", "item_id": item_id, "contribution": 0.5, "rule": None} for item_id in ("2724", "9")
    ]
    item = {"item_id": "6", "title": "Heat", "rank": 1, "score": 1.0, "reasons": reasons}
    table = answer_table("", {"items": [item], "titles": {"2724": "Runaway Bride"}}, {})
    [because] = table.columns[-1].cells
    assert because == "often next after 'Runaway Bride' 50 %, often next after 'item 9' 50 %"
