"""The crowd of the fault and soak runs: the same for a seed, with as many strangers as asked for."""

from itertools import islice

import orjson

from load.faults.crowd import events


def test_strangers_are_seen_once_and_no_other_is_new() -> None:
    made = [one for one in islice(events(20, seed=1, strangers=0.1), 2_000) if one.key.startswith(("once", "u"))]
    bodies = [orjson.loads(one.value) for one in made if one.key.startswith("once")]
    assert 100 < len(bodies) < 300
    assert len({body["user_id"] for body in bodies}) == len({body["item_id"] for body in bodies}) == len(bodies)
    assert not any(b'"new' in one.value for one in made if not one.key.startswith("once"))


def test_without_strangers_there_are_none_and_a_seed_says_all() -> None:
    made = list(islice(events(20, seed=1), 500))
    assert made == list(islice(events(20, seed=1), 500))
    assert not any(one.key.startswith("once") for one in made)
