"""Fault runs judge rightly: what is exact passes, what is lost or counted twice is found; and short runs."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from infra.broker import Broker
from load.faults import crowd
from load.faults.faults import FAULTS
from load.faults.independent_fold import Expected
from load.faults.run import run_fault
from load.faults.scene import Scale
from load.faults.verdict import StateVerdict, judge_state
from models.state.events import Event, event_clock, event_weight
from models.state.user_state import UserState
from workers.admin.state.counts_row import CountsRow, counts_table

SMALL = Scale(
    rate=200, questions=10, kills=1, kills_alone=1, away_s=4, pause_s=8, events=3_000, users_at_peak=200, warm_s=0.5
)
EXACT = StateVerdict(lost=0, double=0, rows_wrong=0)


class Published(NamedTuple):
    """A record as the fold reads it."""

    partition: int
    offset: int
    value: bytes


@pytest.fixture(scope="module")
def log() -> list[Published]:
    """Records of users without guests, in one partition."""
    made = (one for one in crowd.events(40, seed=3) if one.key.startswith("u"))
    return [Published(0, offset, one.value) for offset, one in enumerate(islice(made, 3_000))]


class Fold:
    """State of the models after a log, as a worker would hold it."""

    def __init__(self, log: list[Published]) -> None:
        self.users: dict[str, UserState] = {}
        self.items: dict[str, CountsRow] = {}
        self._rows = counts_table("counts").blank_partition()
        self.refused: set[tuple[int, int]] = set()
        for record in log:
            self.learn(record)

    def learn(self, record: Published) -> None:
        try:
            body: dict[str, Any] = orjson.loads(record.value)
        except orjson.JSONDecodeError:
            self.refused.add((record.partition, record.offset))
            return
        user, value = self.users.setdefault(body["user_id"], UserState()), body.get("value")
        evidence = user.fold(
            Event(
                user_id=body["user_id"],
                item_id=body["item_id"],
                kind=body["event_type"],
                weight=event_weight(body["event_type"], value),
                value=value,
                time_ms=body["event_time"],
                origin=(record.partition, record.offset),
                clock=event_clock(record.offset, 1),
                event_id=body["event_id"],
            )
        )
        if evidence is not None:
            row = self.items[evidence.item_id] = self._rows.change(evidence.item_id)
            row.use.apply(evidence)

    def verdict(self, truth: Expected) -> StateVerdict:
        return judge_state(self.users, self.items, self.refused, truth)


def fold(log: list[Published]) -> Expected:
    expected = Expected(partitions=1)
    for record in log:
        expected.learn(record)
    return expected


def test_the_independent_fold_agrees_with_the_models(log: list[Published]) -> None:
    truth, found = fold(log), Fold(log)
    assert max(len(user.history) for user in truth.users.values()) == 200
    assert found.refused and found.verdict(truth) == EXACT


def test_an_event_that_is_missing_is_lost(log: list[Published]) -> None:
    verdict = Fold(log[:-1]).verdict(fold(log))
    assert verdict.lost > 0 and verdict.rows_wrong > 0


def test_an_event_that_is_too_many_is_double(log: list[Published]) -> None:
    verdict = Fold(log).verdict(fold(log[:-1]))
    assert verdict.double > 0 and verdict.rows_wrong > 0


def change(change_one: Callable[[Fold], None], log: list[Published]) -> StateVerdict:
    found = Fold(log)
    change_one(found)
    return found.verdict(fold(log))


@pytest.mark.parametrize("name", ["count", "likes", "buyers", "ratings", "stars"])
def test_a_sum_of_an_item_that_is_wrong_is_found(log: list[Published], name: str) -> None:
    def one_more(found: Fold) -> None:
        use = found.items["i0"].use
        setattr(use, name, getattr(use, name) + 1)

    assert change(one_more, log) == StateVerdict(lost=0, double=1, rows_wrong=1)


def test_popularity_that_is_wrong_is_found(log: list[Published]) -> None:
    def by_days(found: Fold) -> None:
        found.items["i0"].use.by_days.add(crowd.T0_MS)

    def by_events(found: Fold) -> None:
        found.items["i0"].use.by_events.add(1)

    for one in (by_days, by_events):
        assert change(one, log) == StateVerdict(lost=0, double=0, rows_wrong=1)


def test_a_dead_letter_that_is_missing_is_lost(log: list[Published]) -> None:
    assert change(lambda found: found.refused.clear(), log).lost > 0


def test_the_crowd_has_all_kinds_of_records() -> None:
    made = list(islice(crowd.events(1_000, seed=1), 20_000))
    assert sum(one.astray for one in made) == pytest.approx(200, rel=0.3)
    assert sum(b'"identify"' in one.value for one in made) == pytest.approx(200, rel=0.3)
    assert sum(b'"item_id":"x' in one.value for one in made) == pytest.approx(200, rel=0.3)
    assert len(made) - len({one.value for one in made}) == pytest.approx(200, rel=0.3)
    assert any(b'"erase"' in one.value for one in made)


@pytest.mark.timeout(400)
@pytest.mark.long
@pytest.mark.parametrize("name", ["disk full", "kill -9 of one of three at peak"])
async def test_a_short_run_of_a_fault_is_exact(tmp_path: Path, name: str) -> None:
    [fault] = [one for one in FAULTS if one.name == name]
    if missing := fault.needs():
        pytest.skip(f"NOT RUN: {missing}")
    with Broker(tmp_path / "broker") as broker:
        outcome = await run_fault(fault, broker, tmp_path / "run", SMALL, lambda line: None)
    assert outcome.clean, outcome
    assert outcome.events >= 300 and outcome.answers.asked > 0
