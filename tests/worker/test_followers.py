"""Every worker holds all items: whoever answers, and whatever happened to it, the answer is the same."""

from pathlib import Path

import pytest

from tests.worker.builders import T0_MS, event
from tests.worker.exactness import check_state, until_all_committed
from tests.worker.followers import for_all, unlike, until_they_agree
from tests.worker.process import Worker
from tests.worker.shop import open_shop
from tests.worker.traffic import ITEMS, catalog, events

EACH = 6
ITEM_IDS = [f"i{n}" for n in range(ITEMS)]
SOME = ITEM_IDS[::5]
pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("count", [200, pytest.param(1_000, marks=pytest.mark.long)])
async def test_users_who_move_between_workers_get_the_same_answers(broker: str, tmp_path: Path, count: int) -> None:
    users = [f"u{n}" for n in range(count)]
    first = Worker(broker, tmp_path, ranker="fixed")
    second, third = first.twin(), first.twin()
    try:
        for worker in (first, second, third):
            await worker.start()
        async with open_shop(first) as shop:
            await shop.publish_items(*catalog())
            made = [(user, _event(user, n, step)) for step in range(EACH) for n, user in enumerate(users)]
            await shop.publish(shop.topics.user_interactions, made)
            await until_all_committed(first, deadline_s=120.0)
            for worker in (first, second, third):
                await worker.until_ready()
            await until_they_agree((first, second, third), SOME)
            before = await for_all(shop, users)
            assert await second.stop() == 0
            await first.until_ready()
            await third.until_ready()
            assert unlike(before, await for_all(shop, users)) == []
            await second.start()
            await first.until_ready()
            await third.until_ready()
            assert unlike(before, await for_all(shop, users)) == []
        assert [await worker.stop() for worker in (first, second, third)] == [0, 0, 0]
    finally:
        for worker in (first, second, third):
            worker.kill()


async def test_a_follower_that_was_killed_and_started_again_holds_what_owners_hold(broker: str, tmp_path: Path) -> None:
    # Names let a killed worker come back to its partitions at once; snapshots are rare, so that much is folded again.
    first = Worker(broker, tmp_path, ranker="fixed", instance_id="one", chunk_records=40, snapshot_s=2)
    second = first.twin(instance_id="two")
    made = [(one["user_id"], one) for one in events(2_400, seed=17)]
    try:
        await first.start()
        await second.start()
        async with open_shop(first) as shop:
            await shop.publish_items(*catalog())
            await shop.publish(shop.topics.user_interactions, made[:1_200])
            second.kill()
            await shop.publish(shop.topics.user_interactions, made[1_200:])
            await second.start()
            await until_all_committed(first, deadline_s=120.0)
            await first.until_ready()
            await until_they_agree((first, second), ITEM_IDS)
            await check_state(first, len(made))
        assert [await first.stop(), await second.stop()] == [0, 0]
    finally:
        first.kill()
        second.kill()


def _event(user: str, number: int, step: int) -> dict[str, object]:
    """Users of a few tastes, each a little different."""
    item_id = f"i{(7 * (number % 12) + (number // 12 + 1) * step) % ITEMS}"
    kind = ("view", "purchase", "like")[(number + step) % 3]
    return event(user, item_id, kind, event_time=T0_MS + 1_000 * (step * 1_000 + number))
