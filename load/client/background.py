"""An open-loop load that lasts as long as some other work does."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from load.client.client import RequestClient
from load.client.requests import LoadReport, arrival_times, run_load

T = TypeVar("T")

# The load goes out in pieces that do not wait for each other, so that a stall never thins it out. Requests of
# the last piece may come up to so many seconds after the work.
PIECE_S = 1.0


async def load_during(
    work: Coroutine[Any, Any, T], client: RequestClient, bodies: Sequence[Mapping[str, Any]], rate: float
) -> tuple[T, LoadReport]:
    """The result of `work`, and the report of `rate` requests a second sent until it was done."""
    working = asyncio.create_task(work)
    pieces: list[asyncio.Task[LoadReport]] = []
    arrivals = arrival_times(rate, PIECE_S)
    try:
        while not working.done():
            first = len(pieces) * len(arrivals) % len(bodies)
            turned = [*bodies[first:], *bodies[:first]]
            pieces.append(asyncio.create_task(run_load(client, turned, arrivals)))
            await asyncio.wait([working], timeout=PIECE_S)
        return await working, merged(await asyncio.gather(*pieces))
    finally:
        for task in (working, *pieces):
            task.cancel()


def merged(reports: Sequence[LoadReport]) -> LoadReport:
    """One report of loads that shared a client; `unmatched` is of the one that saw most."""
    errors: Counter[str] = Counter()
    for report in reports:
        errors.update(report.errors)
    return LoadReport(
        requests=sum(report.requests for report in reports),
        answered=sum(report.answered for report in reports),
        timed_out=sum(report.timed_out for report in reports),
        errors=dict(errors),
        unmatched=max((report.unmatched for report in reports), default=0),
        seconds=sum(report.seconds for report in reports),
        latency_ms=np.sort(np.concatenate([report.latency_ms for report in reports] or [np.empty(0)])),
    )
