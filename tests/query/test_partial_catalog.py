"""An item that only another worker's index has is never reported as missing."""

from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio

from tests.agents.dependencies import PARTITIONS, partition_for
from tests.query.builders import CLUSTER, answer, two_clusters
from workers.api.recommendations import HttpApi
from workers.errors import BadRecordError
from workers.items.facts import ItemFacts
from workers.recommend.context import build_context
from workers.records.request import Request
from workers.runtime.dependencies import Dependencies

OURS, THEIRS = 0, 1
ALL = [f"{colour}-{n}" for colour in ("red", "blue") for n in range(CLUSTER)]
MINE = [item_id for item_id in ALL if partition_for(item_id) == OURS]
OTHERS = [item_id for item_id in ALL if partition_for(item_id) == THEIRS]
NOWHERE = {partition_for(name): name for name in (f"nowhere-{n}" for n in range(9))}
KINDS = ("similar_items", "bought_together")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[Dependencies]:
    """One of two workers with an index in its own process."""
    async with two_clusters() as made:
        await made.index.delete(OTHERS)
        del made.items.partitions[THEIRS]
        yield made


async def refused(deps: Dependencies, kind: str, item_ids: list[str]) -> BadRecordError:
    with pytest.raises(BadRecordError) as error:
        await answer(deps, kind=kind, item_ids=item_ids)
    return error.value


@pytest.mark.parametrize("kind", KINDS)
async def test_an_item_of_another_worker_is_out_of_reach_and_not_unknown(deps: Dependencies, kind: str) -> None:
    error = await refused(deps, kind, OTHERS[:2])
    assert error.code == "partial_catalog"
    assert all(part in str(error) for part in (*OTHERS[:2], "does not have", "server"))


@pytest.mark.parametrize("kind", KINDS)
async def test_an_item_that_would_be_ours_is_unknown(deps: Dependencies, kind: str) -> None:
    assert (await refused(deps, kind, [NOWHERE[OURS]])).code == "unknown_item"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_may_exist_elsewhere_goes_before_what_does_not_exist(deps: Dependencies, kind: str) -> None:
    error = await refused(deps, kind, [NOWHERE[OURS], OTHERS[0]])
    assert error.code == "partial_catalog"
    assert NOWHERE[OURS] not in str(error)


@pytest.mark.parametrize("kind", KINDS)
async def test_one_item_of_ours_is_enough_for_an_answer(deps: Dependencies, kind: str) -> None:
    assert (await answer(deps, kind=kind, item_ids=[OTHERS[0], MINE[0]])).items


async def test_a_session_of_items_of_another_worker_gets_what_is_popular_here(deps: Dependencies) -> None:
    reply = await answer(deps, kind="session", user_id=None, item_ids=OTHERS[:2], limit=3)
    assert {item.item_id for item in reply.items} <= set(MINE) and len(reply.items) == 3


async def test_over_http_it_is_a_421_and_the_code_says_why(deps: Dependencies) -> None:
    async def body() -> bytes:
        return orjson.dumps({"kind": "similar_items", "item_ids": OTHERS[:1]})

    status, content = await HttpApi(deps, lambda: True).handle(body)
    assert (status, orjson.loads(content)["error"]["code"]) == (421, "partial_catalog")


async def test_an_index_that_workers_share_knows_all_items(deps: Dependencies) -> None:
    facts = ItemFacts(deps.items, deps.index, PARTITIONS, shared=True)
    asked = Request(kind="similar_items", item_ids=(NOWHERE[THEIRS],))
    with pytest.raises(BadRecordError) as error:
        await build_context(asked, None, 0, facts, "r1")
    assert error.value.code == "unknown_item"
