"""Folding gives way to answers, and is never stopped by them."""

import asyncio

import pytest

from workers import scheduling
from workers.scheduling import Pace, Scheduler


@pytest.fixture(autouse=True)
def every_slice_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "SLICE_S", 0.0)


async def test_folding_lets_others_run() -> None:
    order = []

    async def other() -> None:
        order.append("other")

    task = asyncio.create_task(other())
    await Scheduler().rest()
    order.append("folding")
    await task
    assert order == ["other", "folding"]


async def test_folding_waits_until_the_last_answer_is_given() -> None:
    shared, order = Scheduler(), []
    go = asyncio.Event()

    async def answer(name: str) -> None:
        with shared.answering():
            await go.wait()
            order.append(name)

    answers = [asyncio.create_task(answer(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    folding = asyncio.create_task(shared.rest())
    await asyncio.sleep(0)
    go.set()
    await folding
    assert order == ["first", "second"]
    await asyncio.gather(*answers)


async def test_slices_are_counted_for_who_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "SLICE_S", 0.0)
    shared = Scheduler()
    for topic in ("events", "items", "events"):
        await shared.rest(topic)
    assert shared.slices == {"events": 2, "items": 1}


async def test_answers_without_end_do_not_stop_folding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "LONGEST_WAIT_S", 0.01)
    shared = Scheduler()
    with shared.answering():
        async with asyncio.timeout(10):
            await shared.rest()


async def test_an_answer_that_waits_for_an_event_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "LONGEST_WAIT_S", 60.0)
    shared = Scheduler()
    with shared.answering():
        with shared.waiting_for_folding():
            async with asyncio.timeout(10):
                await shared.rest()
        folding = asyncio.create_task(shared.rest())
        await asyncio.sleep(0)
        assert not folding.done()
    await folding


@pytest.mark.parametrize(("asked", "rests_s"), [(False, 0.0), (True, 0.5)])
async def test_a_long_job_rests_as_long_as_it_worked_while_requests_come(
    monkeypatch: pytest.MonkeyPatch, asked: bool, rests_s: float
) -> None:
    rested: list[float] = []

    async def note(seconds: float) -> None:
        rested.append(seconds)

    cpu = iter([1.0, 1.25, 7.0, 7.25])
    monkeypatch.setattr(scheduling.time, "thread_time", lambda: next(cpu))
    monkeypatch.setattr(scheduling.asyncio, "sleep", note)
    shared = Scheduler()
    if asked:
        with shared.answering():
            pass
    pace = Pace(shared)
    for _ in range(2):
        with pace:
            pass
    await pace.rest()
    assert rested == [rests_s]


def test_the_next_request_is_expected_for_a_moment_after_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(scheduling.time, "monotonic", lambda: now[0])
    shared = Scheduler()
    seen = [shared.asked_lately]
    with shared.answering():
        now[0] += 50.0
        seen.append(shared.asked_lately)
    seen.append(shared.asked_lately)
    now[0] += scheduling.LATELY_S
    assert [*seen, shared.asked_lately] == [False, True, True, False]
