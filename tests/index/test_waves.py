"""Runs of a batch go a few at a time, and a failure leaves none of them under way."""

import asyncio
from collections.abc import Sequence

import pytest

from workers.index.waves import in_waves


class Work:
    """Counts how many runs are under way at once; the run that holds `bad` fails first of its wave."""

    def __init__(self, bad: int = -1) -> None:
        self.bad = bad
        self.under_way = self.most_at_once = 0
        self.finished: list[int] = []

    async def __call__(self, run: Sequence[int]) -> int:
        if self.bad in run:
            raise ValueError(self.bad)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        for _ in range(10):
            await asyncio.sleep(0)
        self.under_way -= 1
        self.finished += run
        return sum(run)


async def test_every_item_is_worked_on_once_and_results_keep_their_order() -> None:
    work = Work()
    assert await in_waves(work, range(10), 3, side_by_side=2) == [3, 12, 21, 9]
    assert sorted(work.finished) == list(range(10))
    assert work.most_at_once == 2


async def test_nothing_to_do_is_nothing_done() -> None:
    assert await in_waves(Work(), [], 3, side_by_side=2) == []


async def test_failure_is_raised_when_its_wave_has_ended_and_no_other_begins() -> None:
    work = Work(bad=0)
    with pytest.raises(ValueError, match="0"):
        await in_waves(work, range(12), 3, side_by_side=2)
    assert (work.under_way, work.finished) == (0, [3, 4, 5])
