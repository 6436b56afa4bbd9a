"""Guests become users and users are forgotten: exactly, whenever the worker dies and by whatever way records come."""

import random

import pytest

from tests.agents.dependencies import partition_for, running_deps
from tests.agents.people import ITEMS, counted, erase, identify, known, view
from tests.agents.world import INTERACTIONS, World


def crowd(world: World, rng: random.Random) -> None:
    """People of all kinds; each user's evidence comes by one way, so that it does not depend on who is faster."""
    for n in range(4):
        guest, user, gone, lost, elsewhere = f"guest{n}", f"user{n}", f"gone{n}", f"lost{n}", f"elsewhere{n}"
        for time in range(6):
            view(world, guest, rng.choice(ITEMS), time, event_id=f"{guest}-{time}")
            view(world, gone, rng.choice(ITEMS), time)
            view(world, lost, rng.choice(ITEMS), time)
            view(world, elsewhere, rng.choice(ITEMS), time, 1 - partition_for(elsewhere))
        identify(world, guest, user, 10, traits={"n": n})
        identify(world, guest, user, 10)
        erase(world, gone, 20)
        identify(world, lost, f"account{n}", 10)
        for time in range(5, 12):
            view(world, guest, rng.choice(ITEMS), time, event_id=f"{guest}-{time}")
            view(world, lost, rng.choice(ITEMS), time)
            view(world, gone, rng.choice(ITEMS), 2 * time)
            view(world, gone, rng.choice(ITEMS), 2 * time)


@pytest.mark.parametrize("seed", range(12))
async def test_state_is_that_of_an_undisturbed_run_however_often_the_worker_dies(seed: int) -> None:
    worlds = []
    for kill_share in (0.0, 0.4):
        async with running_deps() as (deps, _):
            world = World(deps, seed, kill_share)
            crowd(world, random.Random(seed))
            await world.settle(1 if kill_share == 0.0 else 9)
            for n in range(4):
                erase(world, f"account{n}", 40)
            await world.settle(1 if kill_share == 0.0 else 9)
            worlds.append(world)
    calm, wild = worlds
    assert wild.kills > 10 and len(wild.logs[INTERACTIONS, 0]) == len(calm.logs[INTERACTIONS, 0])
    assert {k: known(row) for k, row in wild.users().items()} == {k: known(row) for k, row in calm.users().items()}
    assert counted(wild) == counted(calm)
    assert wild.letters() == calm.letters() == []


BY_TWO_WAYS = pytest.mark.parametrize("strays", ["events", "order"])
"""Which of a person's records are misplaced, and so come by way of the other topic."""


@BY_TWO_WAYS
@pytest.mark.parametrize("seed", range(15))
async def test_who_is_forgotten_leaves_nothing_by_whatever_way_events_and_order_come(strays: str, seed: int) -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed, kill_share=0.5)
        for user in (f"gone{n}" for n in range(4)):
            wrong = 1 - partition_for(user)
            for time, item in enumerate(ITEMS):
                view(world, user, item, time, wrong if strays == "events" else None)
            erase(world, user, 20, wrong if strays == "order" else None)
        await world.settle(3)
        assert world.kills > 5
        assert counted(world) == {}


@BY_TWO_WAYS
@pytest.mark.parametrize("seed", range(15))
async def test_a_guests_events_count_once_by_whatever_way_they_and_the_identify_come(strays: str, seed: int) -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed, kill_share=0.5)
        for n, guest in enumerate(f"guest{n}" for n in range(4)):
            wrong = 1 - partition_for(guest)
            for time, item in enumerate(ITEMS):
                view(world, guest, item, time, wrong if strays == "events" else None)
            identify(world, guest, f"user{n}", 20, wrong if strays == "order" else None)
        await world.settle(3)
        assert world.kills > 5
        assert {item_id: row.use.count for item_id, row in world.items().items()} == dict.fromkeys(ITEMS, 4)
        users = world.users()
        assert [users[f"user{n}"].history.item_ids for n in range(4)] == [list(ITEMS)] * 4
