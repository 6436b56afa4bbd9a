"""Open-loop request load: requests go out by a fixed schedule, however late the replies are (touches Kafka).

Latency counts from the time at which a request was meant to go out. A load that waits for replies, or counts
from the actual sending, leaves out just the requests that a stall delayed ("coordinated omission": G. Tene,
How NOT to Measure Latency, 2013).
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from load.client.client import Reply, RequestClient

NOT_SENT = "not_sent"
NOT_JSON = "not_json"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Outcome of a load: every request is answered, an error (by code), or timed out.

    `latency_ms` is float64, ascending, one for each answer and each request that timed out (infinite);
    error replies are counted, not timed.
    """

    requests: int
    answered: int
    timed_out: int
    errors: dict[str, int]
    unmatched: int
    seconds: float
    latency_ms: NDArray[np.float64]

    def percentile(self, percent: float) -> float:
        """The latency in ms that `percent` of the requests did not exceed, always one that was measured.

        >>> report = LoadReport(4, 3, 1, {}, 0, 1.0, np.array([1.0, 2.0, 3.0, np.inf]))
        >>> report.percentile(50), report.percentile(99)
        (2.0, inf)
        """
        if not len(self.latency_ms):
            return float("nan")
        return float(np.percentile(self.latency_ms, percent, method="inverted_cdf"))

    @property
    def max_ms(self) -> float:
        """The longest latency, infinite if a request timed out."""
        return self.percentile(100)


def arrival_times(
    rate: float, seconds: float, *, poisson: bool = False, seed: int = 0, max_requests: int = 1_000_000
) -> NDArray[np.float64]:
    """Seconds from the start at which requests go out, ascending: evenly spaced, or as a Poisson process.

    >>> arrival_times(4.0, 1.0)
    array([0.  , 0.25, 0.5 , 0.75])
    """
    if not poisson:
        return np.arange(min(round(rate * seconds), max_requests)) / rate
    random = np.random.default_rng(seed)
    # Six standard deviations more than expected, so that the draws reach the end of the time.
    draws = int(rate * seconds + 6 * np.sqrt(rate * seconds) + 10)
    times = np.cumsum(random.exponential(1 / rate, draws))
    return times[times < seconds][:max_requests]


async def run_load(
    client: RequestClient,
    bodies: Sequence[Mapping[str, Any]],
    arrivals: NDArray[np.float64],
    timeout_s: float = 5.0,
) -> LoadReport:
    """Sends `bodies` in turn, one at each of `arrivals`; ends at most `timeout_s` after the last was due.

    A reply later than `timeout_s` counts as timed out, and so does a request that Kafka did not take in time.
    """
    if not len(arrivals):
        return _report([], 0, 0.0)
    began, unmatched = asyncio.get_running_loop().time(), client.unmatched
    due = (began + arrivals).tolist()
    waiting = await _send_by_schedule(client, bodies, due, timeout_s)
    outcomes = [_outcome(reply, due_s, timeout_s) for reply, due_s in zip(waiting, due, strict=False)]
    outcomes += [float("inf")] * (len(due) - len(waiting))
    return _report(outcomes, client.unmatched - unmatched, asyncio.get_running_loop().time() - began)


async def _send_by_schedule(
    client: RequestClient, bodies: Sequence[Mapping[str, Any]], due: list[float], timeout_s: float
) -> list[asyncio.Future[Reply]]:
    """One future for each request that went out, all of them done: with a reply, an error, or cancelled."""
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[Reply]] = []
    try:
        async with asyncio.timeout_at(due[-1] + timeout_s):
            for due_s, body in zip(due, cycle(bodies), strict=False):
                await asyncio.sleep(due_s - loop.time())
                waiting.append(await client.send(body))
            await asyncio.wait(waiting)
    except TimeoutError:
        for reply in waiting:
            reply.cancel()
    return waiting


def _outcome(reply: asyncio.Future[Reply], due_s: float, timeout_s: float) -> float | str:
    """Latency in ms, infinite for none in time, or the code of an error."""
    if reply.cancelled():
        return float("inf")
    if reply.exception() is not None:
        return NOT_SENT
    answer = reply.result()
    code = error_code(answer.value)
    if code is not None:
        return code
    latency_s = answer.arrived_s - due_s
    return latency_s * 1000 if latency_s <= timeout_s else float("inf")


def error_code(value: bytes) -> str | None:
    """The code of an error reply, None for an answer.

    >>> error_code(b'{"error": {"code": "deadline_exceeded", "message": "too late"}}')
    'deadline_exceeded'
    >>> error_code(b'{"items": []}')
    """
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return NOT_JSON
    if not isinstance(body, dict):
        return NOT_JSON
    error = body.get("error")
    return str(error.get("code")) if isinstance(error, dict) else None


def _report(outcomes: list[float | str], unmatched: int, seconds: float) -> LoadReport:
    latency_ms = np.sort(np.array([outcome for outcome in outcomes if isinstance(outcome, float)], np.float64))
    answered = int(np.isfinite(latency_ms).sum())
    return LoadReport(
        requests=len(outcomes),
        answered=answered,
        timed_out=len(latency_ms) - answered,
        errors=dict(Counter(outcome for outcome in outcomes if isinstance(outcome, str))),
        unmatched=unmatched,
        seconds=seconds,
        latency_ms=latency_ms,
    )
