"""Guests who become users, users who are described and forgotten, asked of a running worker."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from load.faults.logs import last_values
from models.state.user_state import UserState
from tests.waiting import until
from tests.worker.builders import T0_MS, event, item
from tests.worker.exactness import counts_of
from tests.worker.shop import Shop, other_partition, until_committed
from workers.stream.partitioning import partition_of
from workers.users.arrivals import FIRST_PLACE_HEADER, KIND_HEADER, SUBJECT_HEADER

PARTITIONS = 4
CLUSTER = 8


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def catalog(shop: Shop) -> AsyncIterator[None]:
    await shop.publish_items(
        *(item(f"{name}-{n}", category=name) for name in ("crime", "farce") for n in range(CLUSTER))
    )
    await shop.publish_events(
        *(
            event(f"{name}-fan-{fan}", f"{name}-{(fan + step) % CLUSTER}", "purchase", event_time=T0_MS + 60_000 * step)
            for name in ("crime", "farce")
            for fan in range(CLUSTER)
            for step in range(CLUSTER - 2)
        )
    )
    yield


async def publish(shop: Shop, *records: dict[str, Any]) -> None:
    """Publish records under the id whose row they change, and wait until every effect of them is folded."""
    for body in records:
        key = body.get("anonymous_id") or body["user_id"]
        await shop.publish(shop.topics.user_interactions, [(key, body)])
    await settled(shop)


async def settled(shop: Shop) -> None:
    """Messages between rows go round more than once: wait until nothing moves any more."""
    for _ in range(3):
        for name in (shop.topics.user_interactions, shop.topics.interactions_rerouted, shop.topics.item_transitions):
            await until_committed(shop.worker, name)


async def row(shop: Shop, user_id: str) -> UserState:
    rows = await last_values(shop.worker.bootstrap, shop.topics.user_state_changelog)
    return UserState.unpack(rows[user_id])


async def counts(shop: Shop) -> dict[str, tuple[int, dict[int, int]]]:
    """Users who touched each item, and what came before it, as the changelog of counts has it."""
    rows = await counts_of(shop.worker)
    return {item_id: (row.use.count, row.transitions()) for item_id, row in rows.items()}


def guest_view(guest: str, item_id: str, time: int) -> dict[str, Any]:
    return {"event_type": "view", "anonymous_id": guest, "item_id": item_id, "event_time": T0_MS + 1_000 * time}


def identify(guest: str, user: str, time: int, **fields: Any) -> dict[str, Any]:
    return {
        "event_type": "identify",
        "anonymous_id": guest,
        "user_id": user,
        "event_time": T0_MS + 1_000 * time,
        **fields,
    }


def erase(user: str, time: int) -> dict[str, Any]:
    return {"event_type": "erase", "user_id": user, "event_time": T0_MS + 1_000 * time}


async def test_a_guest_becomes_a_user_and_the_user_gets_what_the_guest_would(shop: Shop) -> None:
    for n in range(4):
        guest, user = f"visitor-{n}", f"customer-{n}"
        await publish(shop, *(guest_view(guest, f"farce-{step}", step) for step in range(CLUSTER - 2)))
        before = await counts(shop)
        await publish(shop, identify(guest, user, 10), identify(guest, user, 11))
        assert await counts(shop) == before
        assert set(await shop.ids(user_id=user, limit=2)) == {f"farce-{CLUSTER - 2}", f"farce-{CLUSTER - 1}"}
        await publish(shop, guest_view(guest, f"farce-{CLUSTER - 1}", 12))
        assert (await shop.ids(user_id=user, limit=1)) == [f"farce-{CLUSTER - 2}"]
        assert (await row(shop, user)).history.item_ids == [f"farce-{step}" for step in (0, 1, 2, 3, 4, 5, 7)]
        assert len((await row(shop, guest)).history) == 0


async def test_identify_in_a_foreign_partition_finds_its_guest(shop: Shop) -> None:
    await publish(shop, guest_view("stray", "crime-1", 0))
    body = b'{"event_type":"identify","anonymous_id":"stray","user_id":"found"}'
    await shop.send(shop.topics.user_interactions, body, partition=other_partition("stray", PARTITIONS))
    await settled(shop)
    assert (await row(shop, "found")).history.item_ids == ["crime-1"]


async def test_a_guest_of_another_user_is_a_dead_letter(shop: Shop) -> None:
    await publish(shop, identify("shared", "one", 0), identify("shared", "other", 1))
    letters = [letter for letter in await shop.read(shop.topics.dead_letters) if letter.key == b"shared"]
    assert [dict(letter.headers)["tastestream.reason"] for letter in letters] == [b"already_identified"]


async def test_after_erase_a_user_is_a_stranger_and_items_do_not_remember(shop: Shop) -> None:
    before = await counts(shop)
    await publish(shop, guest_view("ghost-guest", "crime-0", 0), guest_view("ghost-guest", "crime-1", 1))
    await publish(shop, identify("ghost-guest", "ghost", 2, traits={"country": "NL"}))
    bought = [event("ghost", f"crime-{n}", "purchase", event_time=T0_MS + 3_000 + at) for at, n in enumerate((2, 3, 0))]
    await publish(shop, *bought)
    assert (await row(shop, "ghost")).profile.attributes == {"country": "NL"}
    assert (await shop.ask(user_id="ghost"))["as_of"] is not None
    assert await counts(shop) != before
    await publish(shop, erase("ghost", 10), event("ghost", "crime-5", event_time=T0_MS + 9_000))
    assert await counts(shop) == before
    stranger, ghost = await shop.ask(user_id="nobody"), await shop.ask(user_id="ghost")
    assert ghost["as_of"] is None
    assert [found["item_id"] for found in ghost["items"]] == [found["item_id"] for found in stranger["items"]]
    for name in ("ghost", "ghost-guest"):
        packed = (await last_values(shop.worker.bootstrap, shop.topics.user_state_changelog))[name]
        assert len(packed) < 200 and b"crime" not in packed and b"ghost" not in packed and b"NL" not in packed
    assert await shop.worker.value("tastestream_events_total", type="view", outcome="erased") == 1


async def test_a_profile_is_merged_by_time_and_null_removes(shop: Shop) -> None:
    said = [
        (5, {"country": "NL", "age_group": "25-34"}, ["film"]),
        (3, {"country": "FR", "occupation": "cook"}, ["food"]),
        (7, {"age_group": None}, None),
    ]
    for time, attributes, categories in said:
        body: dict[str, Any] = {"event_type": "profile", "user_id": "described", "attributes": attributes}
        body |= {"event_time": T0_MS + time} | ({"preferred_categories": categories} if categories else {})
        await publish(shop, body)
    profile = (await row(shop, "described")).profile
    assert profile.attributes == {"country": "NL", "occupation": "cook"}
    assert profile.preferred_categories == ("film",)


async def test_junk_that_says_it_is_a_merge_is_a_letter_and_its_neighbour_is_folded(shop: Shop) -> None:
    ours = ((FIRST_PLACE_HEADER, b"0:1"), (KIND_HEADER, b"merge"), (SUBJECT_HEADER, b"target"))
    partition = partition_of("target", PARTITIONS)
    for value in (b"junk", b"M\x01", None):
        await shop.send(shop.topics.interactions_rerouted, value, b"junk-merge", ours, partition)
    await publish(shop, event("target", "crime-1"))

    async def refused() -> list[bytes | None]:
        letters = [letter for letter in await shop.read(shop.topics.dead_letters) if letter.key == b"junk-merge"]
        return [dict(letter.headers)["tastestream.reason"] for letter in letters]

    async def all_refused() -> bool:
        return await refused() == [b"invalid_merge"] * 3

    await until(all_refused)
    assert (await row(shop, "target")).history.item_ids == ["crime-1"]
