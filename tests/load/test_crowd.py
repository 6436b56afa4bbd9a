"""The crowd of the fault and soak runs: the same for a seed, with as many strangers as asked for."""

from itertools import islice

from load.outages.crowd import events


def test_strangers_are_seen_once_and_nobody_else_is_new() -> None:
    made = list(islice(events(20, seed=1, strangers=0.1), 2_000))
    strange = [one for one in made if one["user_id"].startswith("guest")]
    assert 100 < len({one["event_id"] for one in strange}) < 300
    assert len({one["user_id"] for one in strange}) == len({one["item_id"] for one in strange})
    assert {one["item_id"][:3] == "new" for one in strange} == {True}
    assert not any(one["item_id"].startswith("new") for one in made if one not in strange)


def test_without_strangers_there_are_none_and_a_seed_says_all() -> None:
    made = list(islice(events(20, seed=1), 500))
    assert made == list(islice(events(20, seed=1), 500))
    assert {one["user_id"] for one in made} <= {f"u{n}" for n in range(20)}
