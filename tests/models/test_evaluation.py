"""The protocol: test first, learn then, and no peeking within a second."""

from collections.abc import Mapping
from typing import Any

import pytest

from models.evaluation.baselines import MostPopular
from models.evaluation.evaluation import compare, leave_last_out, prequential, split_by_time


def rating(user_id: str, item_id: str, second: int, value: float = 5.0) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "item_id": item_id,
        "event_type": "rating",
        "value": value,
        "event_time": second * 1_000,
    }


class Spy:
    """Answers with `answer` and keeps what it was asked and given, in order."""

    def __init__(self, *answer: str) -> None:
        self.answer = list(answer)
        self.calls: list[str] = []

    def observe(self, event: Mapping[str, Any]) -> None:
        self.calls.append(f"learn {event['item_id']}")

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        self.calls.append(f"ask at {now}")
        return self.answer[:k]


def test_event_is_asked_for_before_it_is_learned() -> None:
    spy = Spy()
    prequential(spy, [rating("u", "a", 1), rating("u", "b", 2)])
    assert spy.calls == ["learn a", "ask at 2000", "learn b"]


def test_events_of_one_second_are_asked_for_before_any_is_learned() -> None:
    spy = Spy("c")
    outcomes = prequential(spy, [rating("u", "a", 1), rating("u", "b", 2), rating("u", "c", 2)])
    assert spy.calls == ["learn a", "ask at 2000", "learn b", "learn c"]
    assert outcomes.ranks.tolist() == [0, 1]


def test_milliseconds_do_not_break_up_a_second() -> None:
    spy = Spy()
    late_in_the_second = rating("u", "c", 2) | {"event_time": 2_900}
    prequential(spy, [rating("u", "a", 1), rating("u", "b", 2), late_in_the_second])
    assert spy.calls == ["learn a", "ask at 2000", "learn b", "learn c"]


def test_unknown_user_and_low_rating_are_learned_without_a_question() -> None:
    spy = Spy()
    outcomes = prequential(spy, [rating("u", "a", 1), rating("u", "b", 2, value=3.5)])
    assert len(outcomes.ranks) == 0
    assert spy.calls == ["learn a", "learn b"]


def test_rank_gap_and_history_are_noted() -> None:
    outcomes = prequential(Spy("x", "b"), [rating("u", "a", 1), rating("v", "z", 2), rating("u", "b", 61)])
    assert (outcomes.ranks.tolist(), outcomes.gaps_ms.tolist(), outcomes.lengths.tolist()) == ([2], [60_000], [1])
    assert outcomes.hit_rate() == 1.0
    assert outcomes.mean_reciprocal_rank() == 0.5


def test_slice_counts_its_own_events_only() -> None:
    outcomes = prequential(Spy("b"), [rating("u", "a", 1), rating("u", "b", 2), rating("u", "c", 90)])
    assert outcomes.hit_rate() == pytest.approx(0.5)
    assert outcomes.hit_rate(outcomes.gaps_ms > 60_000) == 0.0


def test_popularity_hits_what_all_users_take() -> None:
    events = [rating(f"u{user}", item, 10 * user + at) for user in range(5) for at, item in enumerate("ab")]
    assert prequential(MostPopular(), events, k=1).ranks.tolist() == [0, 1, 1, 1, 1]


def test_configurations_side_by_side_get_the_same_questions() -> None:
    events = [rating("u", "a", 1), rating("v", "a", 2), rating("u", "b", 3)]
    hitting, missing = Spy("b"), Spy("z")
    outcomes = compare({"hitting": hitting, "missing": missing}, events)
    assert hitting.calls == missing.calls
    assert [one.hit_rate() for one in outcomes.values()] == [1.0, 0.0]


def test_strangers_are_asked_for_when_wanted() -> None:
    outcomes = compare({"spy": Spy("a")}, [rating("u", "a", 1)], strangers=True)["spy"]
    assert (outcomes.lengths.tolist(), outcomes.hit_rate()) == ([0], 1.0)


def test_time_split_learns_nothing_after_the_cut() -> None:
    spy = Spy("x", "c")
    events = [rating("u", "a", 1), rating("u", "b", 2), rating("v", "a", 3), rating("u", "c", 4), rating("u", "d", 5)]
    outcomes = split_by_time({"spy": spy}, events, share=0.6)["spy"]
    assert spy.calls == ["learn a", "learn b", "learn a", "ask at 4000"]
    assert outcomes.recalls.tolist() == [0.5]


def test_time_split_does_not_ask_for_what_the_user_had_before() -> None:
    events = [rating("u", "a", 1), rating("v", "b", 2), rating("u", "a", 9)]
    assert len(split_by_time({"spy": Spy()}, events, share=0.9)["spy"].ranks) == 0


def test_last_liked_event_of_every_user_is_held_out() -> None:
    spy = Spy("b")
    events = [rating("u", "a", 1), rating("u", "b", 2), rating("u", "c", 3, value=1.0), rating("v", "a", 4)]
    outcomes = leave_last_out({"spy": spy}, events)["spy"]
    assert spy.calls == ["learn a", "learn c", "ask at 2000"]
    assert outcomes.ranks.tolist() == [1]
