"""Reports find what is in the topics: known lifts, each act once, warnings where figures can't be trusted."""

import random
from collections.abc import Iterable
from io import StringIO
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition
from rich.console import Console

from models.evaluation.comparison import CTR, PURCHASES, VALUE
from tests.experiments.builders import NOW_MS, experiment
from tests.stream.builders import record_at
from workers.admin.experiments.columns import Sample
from workers.admin.experiments.judge import Defined, Verdict, experiments_in, judge, outcomes_of
from workers.admin.experiments.outcomes import CLICK, PURCHASE, OutcomeReader
from workers.admin.experiments.report import Asked, Report
from workers.admin.experiments.report_view import tables, to_json
from workers.control.running import Running
from workers.records.mapping import AS_THEY_ARE
from workers.records.request import Request

HOUR = 3_600_000
KINDS = {"click": CLICK, "purchase": PURCHASE}
TRIAL = Defined("trial", "running", experiment())


class Site:
    """What lies on both topics, read as a report reads it."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.sample = Sample(most)
        self.reader = OutcomeReader(self.sample, KINDS, 60_000, AS_THEY_ARE)

    def shows(self, user: str | None, items: Iterable[str], variant: str = "trial/as-now", **more: Any) -> None:
        line = {
            "recommendation_id": f"r-{user}",
            "variant": variant,
            "user_id": user,
            "served_at": NOW_MS,
            "items": [{"item_id": item_id} for item_id in items],
            **more,
        }
        self.reader.served(_record("recommendations-served", orjson.dumps(line)))

    def gets(self, user: str, item: str | None, event_type: str = "click", **more: Any) -> None:
        named = {} if item is None else {"item_id": item}
        body = {"event_type": event_type, "user_id": user, "event_time": NOW_MS + 1_000, **named, **more}
        self.reader.event(_record("user-interactions", orjson.dumps(body)))

    def verdict(self, defined: Defined = TRIAL, window_ms: int = 24 * HOUR) -> Verdict:
        return judge(defined, outcomes_of(self.sample, window_ms), self.reader.labels)


def _record(topic: str, value: bytes) -> Any:
    return record_at(TopicPartition(topic, 0), 0, None, value, NOW_MS + 24 * HOUR, ())


def crowd(site: Site, users: int, rates: dict[str, float], seed: int = 1) -> None:
    """Users as a worker assigns them, ten items each, who click at a rate by variant; half of the clicks say where."""
    rng = random.Random(seed)
    running = Running("online")
    running.replace({"trial": experiment()})
    for user in (f"u{n}" for n in range(users)):
        variant = running.assigned(Request(user_id=user)).variant
        site.shows(user, [f"i{n}" for n in range(10)], variant)
        for item in range(10):
            if rng.random() < rates[variant]:
                site.gets(user, f"i{item}", **({"recommendation_id": f"r-{user}"} if rng.random() < 0.5 else {}))


def test_a_known_lift_is_found_and_nothing_warned_of_but_the_purchases_that_are_missing() -> None:
    site = Site()
    crowd(site, 4_000, {"trial/as-now": 0.10, "trial/varied": 0.13})
    found = site.verdict()
    lift = found.lifts["varied"][CTR]
    assert lift.low < 0.3 < lift.high and lift.low > 0.0 and lift.high < 0.5
    assert found.arms["as-now"].impressions == 10 * found.arms["as-now"].answers
    [warning] = found.warnings
    assert PURCHASES in warning


def test_without_a_difference_the_interval_holds_zero() -> None:
    site = Site()
    crowd(site, 2_000, {"trial/as-now": 0.10, "trial/varied": 0.10}, seed=2)
    lift = site.verdict().lifts["varied"][CTR]
    assert lift.low < 0.0 < lift.high


def test_each_act_counts_once_however_often_it_is_told() -> None:
    site = Site()
    for _ in range(2):
        site.shows("u", ["a", "b"])
        site.gets("u", "a", event_id="e1")
    site.gets("u", "a", event_id="e2")
    arm = site.verdict().arms["as-now"]
    assert (arm.users, arm.answers, arm.impressions, arm.clicks) == (1, 1, 2, 1)


def test_pages_of_one_answer_add_up() -> None:
    site = Site()
    site.shows("u", ["a", "b"])
    site.shows("u", ["c"], served_at=NOW_MS + 500)
    site.gets("u", "c", recommendation_id="r-u")
    arm = site.verdict().arms["as-now"]
    assert (arm.answers, arm.impressions, arm.clicks) == (1, 3, 1)


def test_acts_beyond_the_window_or_on_other_items_came_from_elsewhere() -> None:
    site = Site()
    site.shows("u", ["a"])
    site.gets("u", "a", event_time=NOW_MS + 2 * HOUR)
    site.gets("u", "b")
    site.gets("somebody", "a")
    assert site.verdict(window_ms=HOUR).arms["as-now"].clicks == 0
    assert site.verdict(window_ms=2 * HOUR).arms["as-now"].clicks == 1


def test_an_answer_outside_the_experiment_that_came_later_takes_the_credit() -> None:
    site = Site()
    site.shows("u", ["a"])
    site.shows("u", ["a"], "default", recommendation_id="r2", served_at=NOW_MS + 100)
    site.gets("u", "a")
    assert site.verdict().arms["as-now"].clicks == 0


def test_a_purchase_is_worth_its_lines_and_a_view_counts_for_nothing() -> None:
    site = Site()
    site.shows("u", ["a", "b", "c"])
    lines = [{"item_id": "a", "quantity": 2, "price": 4.0}, {"item_id": "x", "quantity": 1, "price": 100.0}]
    site.gets("u", None, "purchase", items=lines)
    site.gets("u", "b", "purchase", value=1.5)
    site.gets("u", "c", "view")
    arm = site.verdict().arms["as-now"]
    assert (arm.purchases, arm.value, arm.clicks) == (2, 9.5, 0)
    assert arm.ratios[VALUE].value == 9.5


def test_an_experiment_is_found_in_answers_that_are_part_of_several() -> None:
    site = Site()
    site.shows("u", ["a"], "other/x,trial/varied")
    site.gets("u", "a")
    assert site.verdict().arms["varied"].clicks == 1
    assert experiments_in(site.reader.labels) == {"other", "trial"}
    assert experiments_in({"default": 0}) == set()


def test_lines_without_a_user_or_not_ours_are_counted_and_left_out() -> None:
    site = Site()
    for malformed in (b"", b"{", b"[]", b"7", b'{"user_id":"u"}', b'{"user_id":"u","variant":"a","items":3}'):
        site.reader.served(_record("recommendations-served", malformed))
    site.reader.event(_record("user-interactions", b"{not json"))
    site.shows(None, ["a"])
    counted = site.reader.counted
    assert (counted.unreadable, counted.answers, counted.without_user) == (7, 1, 1)
    assert site.verdict().arms["as-now"].users == 0


def test_beyond_the_bound_a_sample_of_whole_users_stays() -> None:
    site, whole = Site(most=5_000), Site()
    for each in (site, whole):
        crowd(each, 4_000, {"trial/as-now": 0.10, "trial/varied": 0.13})
    assert site.sample.share in (0.125, 0.0625)
    impressions, _ = site.sample.impressions()
    assert 1_000 < len(impressions.users) <= 5_000
    sampled, every = site.verdict(), whole.verdict()
    for name, arm in sampled.arms.items():
        assert arm.impressions == 10 * arm.users
        assert arm.ratios[CTR].value == pytest.approx(every.arms[name].ratios[CTR].value, rel=0.25)


def test_too_many_acts_are_bounded_too() -> None:
    site = Site(most=1_000)
    for n in range(40):
        site.shows(f"u{n}", [f"i{m}" for m in range(20)])
    for n in range(2_000):
        site.gets(f"u{n % 40}", f"i{n % 20}", event_id=f"e{n}")
    assert site.sample.share < 1.0
    assert len(site.sample.acts()[1]) <= 1_000


def test_lost_users_are_called_a_sample_ratio_mismatch() -> None:
    site = Site()
    for n in range(600):
        site.shows(f"u{n}", ["a"], "trial/varied" if n % 3 else "trial/as-now")
    warnings = " ".join(site.verdict().warnings)
    assert "sample ratio mismatch" in warnings and "200 : 400" in warnings


def test_users_who_saw_both_are_in_neither() -> None:
    site = Site()
    for variant in ("as-now", "varied"):
        site.shows("u", ["a"], f"trial/{variant}", recommendation_id=variant)
    site.shows("v", ["a"])
    found = site.verdict()
    assert (found.arms["as-now"].users, found.arms["varied"].users) == (1, 0)
    assert any("1 user saw several variants" in warning for warning in found.warnings)


def test_without_a_definition_the_answers_alone_are_judged_and_it_says_so() -> None:
    site = Site()
    crowd(site, 400, {"trial/as-now": 0.5, "trial/varied": 0.5})
    found = site.verdict(Defined("trial", "gone"))
    assert list(found.arms) == ["as-now", "varied"]
    assert any("definition is gone" in warning for warning in found.warnings)
    renamed = Defined("trial", "running", experiment("trial", {"name": "as-now"}, {"name": "other"}))
    assert any("earlier definition: varied" in warning for warning in site.verdict(renamed).warnings)


def test_table_and_json_say_the_same() -> None:
    site = Site(most=5_000)
    crowd(site, 4_000, {"trial/as-now": 0.10, "trial/varied": 0.2})
    whole = Report((site.verdict(), judge(Defined("empty", "running", experiment("empty")), outcomes_of(
        site.sample, HOUR), site.reader.labels)), site.sample.share, site.reader.counted, Asked(KINDS))  # fmt: skip
    console = Console(file=StringIO(), width=220)
    console.print(tables(whole))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    read = orjson.loads(to_json(whole))
    [trial, empty] = read["experiments"]
    assert [one["name"] for one in trial["variants"]] == ["as-now", "varied"]
    lift = trial["variants"][1]["lifts"][CTR]
    assert f"{lift['value']:+.1%} [{lift['low']:+.1%}, {lift['high']:+.1%}] *" in shown
    assert empty["variants"][1]["lifts"][CTR] == {"value": None, "low": None, "high": None}
    assert "A sample of " in shown and "warning: too few data" in shown and read["sample_of_users"] < 1
