"""What experiments mean for a request: one variant each, the same for ever, settings that do not fight."""

from collections import Counter
from typing import Any

from models.evaluation.experiment import mismatch
from tests.experiments.builders import experiment
from workers.control.running import UNASSIGNED, Running
from workers.records.experiment import Experiment
from workers.records.request import Request


def running(*experiments: Experiment, ranker: Any = "online") -> Running:
    made = Running(ranker)
    made.replace({one.name: one for one in experiments})
    return made


def waits(*experiments: Experiment, ranker: Any = "online") -> dict[str, str]:
    return Running(ranker).replace({one.name: one for one in experiments})


def asked(user_id: str = "u1", **fields: Any) -> Request:
    return Request(user_id=user_id, **fields)


RANKED = experiment("ranked", {"name": "learned"}, {"name": "fixed", "settings": {"ranker": "fixed"}})


def test_users_get_the_variants_in_the_shares_of_their_weights() -> None:
    found = running(experiment("trial", {"name": "a", "weight": 1}, {"name": "b", "weight": 3}))
    counts = Counter(found.assigned(asked(f"u{n}")).variant for n in range(4_000))
    assert mismatch([counts["trial/a"], counts["trial/b"]], (1, 3)) > 0.001


def test_every_worker_and_every_restart_assigns_alike() -> None:
    one, other = running(experiment(), RANKED), running(RANKED, experiment())
    assert all(one.assigned(asked(f"u{n}")) == other.assigned(asked(f"u{n}")) for n in range(200))


def test_a_shadow_is_given_to_no_user() -> None:
    found = running(experiment("trial", {"name": "a"}, {"name": "b", "shadow": True}))
    assert {found.assigned(asked(f"u{n}")).variant for n in range(100)} == {"trial/a"}
    assert [label for label, _ in found.scored] == ["trial/a", "trial/b"]


def test_crossing_experiments_add_up() -> None:
    found = running(experiment(), RANKED)
    combined = {one.variant: one for one in (found.assigned(asked(f"u{n}")) for n in range(200))}
    assert len(combined) == 4
    both = combined["ranked/fixed,trial/varied"]
    assert (both.settings.ranker, both.settings.diversity) == ("fixed", 0.5)


def test_of_two_that_change_one_setting_the_later_waits_until_the_first_ends() -> None:
    later = experiment("later")
    assert list(waits(experiment(), later)) == ["later"]
    assert "trial changes diversity" in waits(experiment(), later)["later"]
    assert waits(later) == {}


def test_other_kinds_or_scenarios_keep_experiments_apart() -> None:
    home, cart = experiment("home", scenarios=["home"]), experiment("cart", scenarios="cart")
    session = experiment("session", kinds="session", scenarios=["home"])
    users = experiment("users", kinds=["for_user", "search"], scenarios=["home"])
    assert waits(home, cart) == waits(session, users) == {}
    assert list(waits(home, users)) == ["users"]
    found = running(home, cart)
    assert found.assigned(asked(scenario="cart")).variant.startswith("cart/")
    assert found.assigned(asked(scenario="search-page")) == found.assigned(asked()) == UNASSIGNED


def test_a_request_without_a_subject_is_in_no_experiment() -> None:
    found = running(experiment())
    assert found.assigned(Request(kind="trending")) == UNASSIGNED
    assert found.assigned(Request(anonymous_id="guest-7")) != UNASSIGNED


def test_what_a_worker_can_not_do_waits() -> None:
    online = experiment("trial", {"name": "a"}, {"name": "b", "settings": {"ranker": "online"}})
    assert "TASTESTREAM_RANKER" in waits(online, ranker="fixed")["trial"]
    assert waits(online) == {} == waits(RANKED, ranker="fixed")


def test_experiments_and_scored_variants_are_bounded() -> None:
    many = [experiment(f"e{n}", {"name": "a"}, {"name": "b"}) for n in range(10)]
    assert sorted(waits(*many)) == ["e8", "e9"]
    found = running(*many)
    assert len(found) == len(found.scored) == 8


def test_only_lists_for_users_are_scored() -> None:
    assert running(experiment(kinds=["search"])).scored == ()
    assert len(running(experiment(kinds=["search", "for_user"])).scored) == 2
