"""A Qdrant server that hangs, is slow, dies or goes back in time: events don't wait for it, answers go on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.qdrant_stub_process import StubProcess
from tests.waiting import until, until_passes
from tests.worker.builders import item
from tests.worker.exactness import until_all_committed
from tests.worker.sharing import WITHOUT_INDEX, SharedShop, shared_shop, sharing_worker
from tests.worker.shop import open_shop, until_committed
from tests.worker.traffic import catalog
from workers.stream.partitioning import partition_of

# The first test waits for a broker, a server and a worker; another one for four outages' pauses.
pytestmark = pytest.mark.timeout(300)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(broker: str, folder: Path) -> AsyncIterator[SharedShop]:
    async with shared_shop(broker, folder) as running:
        yield running


async def harm(server: StubProcess, how: str) -> None:
    {"hung": server.hang, "slow": server.slow, "killed": server.kill}[how]()


async def heal(server: StubProcess, how: str) -> None:
    if how == "killed":
        await server.start()
    else:
        {"hung": server.go_on, "slow": server.quick}[how]()


@pytest.mark.parametrize(("how", "seed"), [("hung", 21), ("slow", 22), ("killed", 23)])
async def test_events_are_folded_answers_go_on_degraded_and_the_catalog_catches_up(
    shared: SharedShop, how: str, seed: int
) -> None:
    await harm(shared.server, how)
    await shared.until_degraded()
    await shared.publish(400, seed=seed)
    await shared.publish_items(item(f"new-{how}"))
    for topic in (shared.shop.topics.user_interactions, shared.shop.topics.item_transitions):
        await until_committed(shared.worker, topic)
    for user in ("u0", "u2", "u3"):
        assert await shared.degraded(user) == WITHOUT_INDEX
    assert await shared.degraded("nobody") == [], "what is popular is not searched for"
    await heal(shared.server, how)
    await shared.until_whole()
    await shared.check()
    await shared.until_whole()


async def test_degraded_answers_are_personal(shared: SharedShop) -> None:
    shared.server.hang()
    await shared.until_degraded()

    reply = await shared.shop.ask(user_id="u1", limit=20, explain=True)
    similar = await shared.shop.ask(kind="similar_items", item_ids=["i1"], limit=5)
    shared.server.go_on()
    assert reply["degraded"] == WITHOUT_INDEX
    assert any(reason["kind"] == "followed_by" for one in reply["items"] for reason in one["reasons"])
    assert similar["degraded"] == ["index", "content"]
    assert len(similar["items"]) == 5


async def test_with_few_items_an_answer_without_the_index_is_the_same(shared: SharedShop) -> None:
    shared.server.hang()
    await shared.until_degraded()
    without = await shared.shop.ids(user_id="u1", limit=100)
    shared.server.go_on()
    assert await shared.whole_answer(user_id="u1", limit=100) == without


async def test_an_item_removed_during_an_outage_is_gone_from_answers_before_the_index_knows(
    shared: SharedShop,
) -> None:
    shared.server.hang()
    await shared.until_degraded()
    [first, *_] = await shared.shop.ids(user_id="nobody", limit=10)
    await shared.remove(first)

    async def gone() -> bool:
        return first not in await shared.shop.ids(user_id="nobody", limit=10)

    await until(gone)
    assert await shared.degraded() == WITHOUT_INDEX
    shared.server.go_on()
    await shared.until_whole()
    assert first not in await shared.shop.ids(user_id="nobody", limit=100)
    await shared.check()


async def test_a_server_restored_from_an_old_copy_is_noticed_and_brought_up_to_date(shared: SharedShop) -> None:
    shared.server.kill()
    shared.server.snapshot()
    await shared.server.start()
    await shared.until_whole()
    [removed, *_] = await shared.shop.ids(user_id="u1", limit=10)
    await shared.remove(removed)
    await shared.publish_items(item("newer"))
    await shared.publish(300, seed=77)
    await until_all_committed(shared.worker)
    shared.server.kill()
    shared.server.restore()
    await shared.server.start()

    shown: list[str] = []  # by every answer that called itself whole, not only by the one that was

    async def whole_again() -> None:
        reply = await shared.shop.ask(user_id="u1", limit=100)
        assert reply["degraded"] == []
        shown.extend(one["item_id"] for one in reply["items"])
        await shared.check()

    await until_passes(whole_again)
    assert removed not in shown


async def test_a_server_that_lost_everything_is_filled_again(shared: SharedShop) -> None:
    shared.server.kill()
    shared.server.forget_all()
    await shared.server.start()
    await shared.until_degraded()
    await shared.until_whole()
    await shared.check()


async def test_a_worker_told_to_stop_while_its_server_is_away_ends_with_0_and_repeats_later(
    shared: SharedShop,
) -> None:
    shared.server.hang()
    await shared.publish(400, seed=99)
    await shared.until_degraded()
    assert await shared.worker.stop(within_s=10.0) == 0, shared.worker.log[-4000:]
    shared.server.go_on()
    await shared.worker.start()
    await shared.check()


async def test_a_worker_starts_without_its_server_and_becomes_whole_when_it_comes(broker: str, tmp_path: Path) -> None:
    server = StubProcess(tmp_path / "server")
    worker = sharing_worker(broker, tmp_path / "worker", server, instance_id="one")
    try:
        await worker.start()
        async with open_shop(worker) as client:
            shared = SharedShop(client, server)
            await shared.publish_items(*catalog()[:40])
            await shared.publish(100, seed=5)

            async def has_items() -> bool:
                reply = await client.ask(user_id="u1", limit=5)
                return (len(reply["items"]), reply["degraded"]) == (5, WITHOUT_INDEX)

            await until(has_items)
            assert await worker.value("tastestream_index_up") == 0
            await server.start()
            await shared.until_whole()
            await shared.check()
            assert await worker.value("tastestream_index_up") == 1
        assert await worker.stop() == 0
    finally:
        worker.kill()
        server.kill()


async def test_workers_come_and_go_while_their_server_is_away(shared: SharedShop) -> None:
    second = shared.worker.twin(instance_id="two")
    shared.server.hang()
    try:
        await shared.until_degraded()
        await shared.publish(300, seed=123)
        await second.start()
        await shared.worker.until_ready()
        assert shared.worker.exit_code is None and second.exit_code is None
        users = [f"u{n}" for n in range(20)]
        assert {partition_of(user, 4) for user in users} == set(range(4))
        for user in users:
            assert await shared.degraded(user) == WITHOUT_INDEX
        shared.server.go_on()
        assert await second.stop() == 0
        await shared.worker.until_ready()
        await shared.check()
    finally:
        second.kill()
