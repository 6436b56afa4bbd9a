"""How many answers a second keep a bound of latency: the rate is stepped up until it does not (no I/O of its own)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from load.client.requests import LoadReport

P99_MS = 50.0
STEPS = (25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1_200)  # neighbours differ by at most 2

Ask = Callable[[float], Awaitable[LoadReport]]


@dataclass(frozen=True, slots=True)
class Capacity:
    """The highest rate (requests/s) that kept the bound, 0 if none did, and the rate that first broke it.

    `p99_ms` is that of the highest rate, NaN without one; `broken_at` is None if the last step still kept the bound.
    """

    rate: float
    p99_ms: float
    broken_at: float | None


async def capacity(ask: Ask, steps: Sequence[float] = STEPS) -> Capacity:
    """Ask at each rate in turn; a step that breaks the bound gets a second try, as a pause of the machine may have."""
    best = Capacity(0.0, float("nan"), None)
    for rate in steps:
        report = await ask(rate)
        if not kept(report):
            report = await ask(rate)
        if not kept(report):
            return Capacity(best.rate, best.p99_ms, rate)
        best = Capacity(rate, report.percentile(99), None)
    return best


def kept(report: LoadReport) -> bool:
    """Whether every request was answered, 99 % of them in time."""
    return report.answered == report.requests and report.percentile(99) <= P99_MS
