"""Guests become users and users are forgotten: once, by whatever way their records come."""

import pytest
from aiokafka import TopicPartition

from models.state.merge import Merge
from tests.agents.dependencies import NOW_MS, PARTITIONS, chunk_of_records, partition_for, running_deps
from tests.agents.people import T0, counted, erase, identify, name_in, view
from tests.agents.world import REROUTED, World
from tests.stream.builders import record_at
from workers.agents.interactions import handle
from workers.users.arrivals import FIRST_PLACE_HEADER, KIND_HEADER, SUBJECT_HEADER


@pytest.mark.parametrize("guest_at", range(PARTITIONS))
@pytest.mark.parametrize("user_at", range(PARTITIONS))
async def test_a_guests_history_becomes_the_users_and_later_events_follow(guest_at: int, user_at: int) -> None:
    guest, user = name_in(guest_at, "guest"), name_in(user_at, "user")
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        view(world, user, "a", 1)
        await world.settle(8)
        view(world, guest, "b", 2)
        identify(world, guest, user, 3, traits={"country": "NL"})
        view(world, guest, "c", 4)
        await world.settle(8)
        view(world, user, "d", 5)
        await world.settle(8)
        rows = world.users()
        assert rows[user].history.item_ids == ["a", "b", "c", "d"]
        assert rows[user].profile.attributes == {"country": "NL"}
        assert len(rows[guest].history) == 0 and rows[guest].identity.user_id == user
        assert all(rows[user].seen(item_id) for item_id in "abcd") and not rows[guest].seen("b")
        assert world.items()["d"].transitions() and world.letters() == []


async def test_identify_twice_has_one_effect_and_its_new_traits_reach_the_user() -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        view(world, "guest", "a", 1)
        for time, traits in ((2, {}), (3, {}), (4, {"country": "NL"})):
            identify(world, "guest", "user", time, traits=traits)
        await world.settle(8)
        user = world.users()["user"]
        assert user.history.item_ids == ["a"] and user.identity.merges == 1
        assert user.profile.attributes == {"country": "NL"}


async def test_a_guest_who_was_never_seen_is_sealed_too() -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        identify(world, "guest", "user", 1)
        await world.settle(8)
        view(world, "guest", "a", 2)
        await world.settle(8)
        assert world.users()["user"].history.item_ids == ["a"]


async def test_a_guest_can_be_only_one_user() -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        identify(world, "guest", "user", 1)
        identify(world, "guest", "somebody-else", 2)
        await world.settle(8)
        identify(world, "user", "guest", 3)
        await world.settle(8)
        assert world.letters() == ["already_identified"] * 2


async def test_two_that_become_each_other_at_once_end_in_dead_letters() -> None:
    one, other = name_in(0, "one"), name_in(1, "other")
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        identify(world, one, other, 1)
        identify(world, other, one, 1)
        view(world, one, "a", 2)
        await world.settle(1)
        assert world.letters() == ["too_many_hops"] * 3


async def test_a_chain_of_identities_ends_at_its_last() -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        view(world, "guest", "a", 1)
        identify(world, "guest", "user", 2)
        await world.settle(8)
        identify(world, "user", "account", 3)
        await world.settle(8)
        view(world, "guest", "b", 4)
        await world.settle(8)
        rows = world.users()
        assert rows["account"].history.item_ids == ["a", "b"]
        erase(world, "guest", 9)
        await world.settle(8)
        assert [row.identity.user_id for row in world.users().values()] == [""] * 3
        assert not any(len(row.history) for row in world.users().values())


async def test_erase_leaves_a_dated_tombstone_and_takes_back_what_was_told() -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        for time, item_id in enumerate("abca"):
            view(world, "fan", item_id, time)
        await world.settle(8)
        before = counted(world)
        for time, item_id in enumerate("bdab"):
            view(world, "gone", item_id, 10 + time, event_type="purchase")
        world.publish("gone", event_type="profile", user_id="gone", attributes={"country": "NL"}, event_time=T0)
        await world.settle(8)
        erase(world, "gone", 50)
        view(world, "gone", "c", 40)
        await world.settle(8)
        row = world.users()["gone"]
        assert counted(world) == before
        assert len(row.history) == 0 and len(row.seen_keys()) == 0 and not row.profile.attributes
        assert row.identity.erased_ms == T0 + 50
        view(world, "gone", "c", 60)
        await world.settle(8)
        assert world.users()["gone"].history.item_ids == ["c"]


@pytest.mark.parametrize("erased_first", [False, True])
async def test_erase_follows_to_guests_whether_they_were_merged_before_or_after(erased_first: bool) -> None:
    guest, user = name_in(0, "guest"), name_in(1, "user")
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        view(world, user, "c", 1)
        if erased_first:
            erase(world, user, 50)
            await world.settle(8)
        view(world, guest, "a", 2)
        view(world, guest, "b", 3)
        identify(world, guest, user, 4)
        await world.settle(8)
        if not erased_first:
            erase(world, user, 50)
            await world.settle(8)
        rows = world.users()
        assert counted(world) == {}
        assert (rows[guest].identity.user_id, rows[guest].identity.erased_ms) == ("", T0 + 50)
        assert rows[user].identity.guests == [] and len(rows[user].history) == 0


async def test_a_users_own_past_does_not_blur_what_is_taken_back_of_a_guest() -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        view(world, "fan", "a", 0)
        view(world, "fan", "b", 1)
        await world.settle(8)
        before = counted(world)
        for guest, items in (("guest", "ba"), ("guest-2", "cb")):
            view(world, "user", "c", 10)
            await world.settle(8)
            for item_id in items:
                view(world, guest, item_id, 20, event_type="purchase")
            identify(world, guest, "user", 30)
            await world.settle(8)
        view(world, "user", "d", 40, event_type="purchase")
        erase(world, "user", 50)
        await world.settle(8)
        assert counted(world) == before


async def test_an_event_id_of_guest_and_user_counts_once_in_history() -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        view(world, "user", "a", 1, event_id="e1")
        view(world, "guest", "a", 2, event_id="e1")
        view(world, "guest", "b", 3, event_id="e2")
        await world.settle(8)
        identify(world, "guest", "user", 4)
        await world.settle(8)
        assert world.users()["user"].history.item_ids == ["a", "b"]


async def test_events_that_say_nothing_on_an_item_are_counted_without_a_letter() -> None:
    async with running_deps() as (deps, _):
        world = World(deps, seed=1)
        view(world, "u", "a", 1, event_type="page_view")
        world.publish("u", event_type="search", user_id="u", item_id="a")
        await world.settle(8)
        value = deps.metrics.registry.get_sample_value
        assert value("tastestream_events_total", {"type": "other", "outcome": "ignored"}) == 1
        assert world.letters() == [] and counted(world) == {}


@pytest.mark.parametrize("value", [None, b"", b"junk", b"M\x01", Merge("g", 1, b"U\x01").pack()])
async def test_junk_that_says_it_is_a_merge_is_a_letter(value: bytes | None) -> None:
    async with running_deps() as (deps, sent):
        ours = ((FIRST_PLACE_HEADER, b"0:1"), (KIND_HEADER, b"merge"), (SUBJECT_HEADER, b"u"))
        record = record_at(TopicPartition(REROUTED, partition_for("u")), 0, b"u", value, NOW_MS, ours)
        await handle(chunk_of_records(record), deps)
        [letter] = sent.to("dead-letters")
        assert dict(letter.headers)["tastestream.reason"] == b"invalid_merge"
