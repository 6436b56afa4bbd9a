"""The breaker refuses while the index does not answer, tries one call after each pause, and closes at any answer."""

import asyncio

import pytest

from tests.index.servers import Clock
from workers.errors import DependencyError
from workers.index.breaker import Breaker


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(
        "the server", lambda e: isinstance(e, TimeoutError), first_pause_s=1.0, longest_pause_s=4.0, clock=clock
    )


def call(breaker: Breaker, outcome: BaseException | None = None) -> str:
    """Make one call that ends so; says what became of it."""
    try:
        with breaker.guard():
            if outcome is not None:
                raise outcome
    except DependencyError:
        return "refused"
    except BaseException as error:
        return type(error).__name__
    return "answered"


def test_calls_pass_while_they_are_answered(breaker: Breaker) -> None:
    assert [call(breaker) for _ in range(3)] == ["answered"] * 3


def test_after_one_unanswered_call_all_are_refused_for_the_pause(breaker: Breaker, clock: Clock) -> None:
    assert call(breaker, TimeoutError()) == "TimeoutError"
    clock.now_s += 0.99
    assert [call(breaker) for _ in range(3)] == ["refused"] * 3
    clock.now_s += 0.01
    assert [call(breaker) for _ in range(3)] == ["answered"] * 3


def test_refusal_names_the_server(breaker: Breaker) -> None:
    call(breaker, TimeoutError())
    with pytest.raises(DependencyError, match="the server"), breaker.guard():
        pass


def test_pause_doubles_with_each_unanswered_trial_up_to_the_longest(breaker: Breaker, clock: Clock) -> None:
    call(breaker, TimeoutError())
    pauses = []
    for _ in range(4):
        refused_s = 0
        while call(breaker, TimeoutError()) == "refused":
            clock.now_s += 1.0
            refused_s += 1
        pauses.append(refused_s)
    assert pauses == [1, 2, 4, 4]


def test_pause_is_short_again_after_an_answer(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        call(breaker, TimeoutError())
        clock.now_s += 4.0
    assert call(breaker) == "answered"
    call(breaker, TimeoutError())
    clock.now_s += 1.0
    assert call(breaker) == "answered"


def test_only_one_call_tries_at_a_time(breaker: Breaker, clock: Clock) -> None:
    call(breaker, TimeoutError())
    clock.now_s += 1.0
    with breaker.guard():
        assert call(breaker) == "refused"
    assert call(breaker) == "answered"


def test_answer_that_is_an_error_closes(breaker: Breaker, clock: Clock) -> None:
    call(breaker, TimeoutError())
    clock.now_s += 1.0
    assert call(breaker, ValueError()) == "ValueError"
    assert call(breaker) == "answered"


def test_cancelled_trial_leaves_the_next_call_to_try(breaker: Breaker, clock: Clock) -> None:
    call(breaker, TimeoutError())
    clock.now_s += 1.0
    assert call(breaker, asyncio.CancelledError()) == "CancelledError"
    assert breaker.is_open
    assert call(breaker) == "answered"


def test_calls_that_were_under_way_together_lengthen_the_pause_only_once(breaker: Breaker, clock: Clock) -> None:
    with pytest.raises(TimeoutError), breaker.guard():
        assert call(breaker, TimeoutError()) == "TimeoutError"
        raise TimeoutError
    clock.now_s += 1.0
    assert call(breaker) == "answered"


def test_late_answer_of_a_call_under_way_closes(breaker: Breaker) -> None:
    with breaker.guard():
        call(breaker, TimeoutError())
        assert breaker.is_open
    assert call(breaker) == "answered"
