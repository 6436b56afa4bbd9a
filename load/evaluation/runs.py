"""Runs recommenders through the same questions, each in a process of its own, and times them (starts processes)."""

import multiprocessing
import os
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from rich.console import Console

from models.evaluation.evaluation import Recommends, Record
from workers.admin.bars import rate_bar

T = TypeVar("T")

POLL_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Costs:
    """What a recommender took: median of learning one event in µs, p99 of one answer in ms; NaN for none."""

    learn_us: float
    answer_ms: float


class Timed:
    """A recommender, with what its calls took."""

    def __init__(self, recommender: Recommends, on_event: Callable[[int], None]) -> None:
        self._recommender = recommender
        self._on_event = on_event
        self._learning, self._answering = array("d"), array("d")

    def observe(self, event: Record) -> None:
        """Learn one event."""
        began = time.perf_counter()
        self._recommender.observe(event)
        self._learning.append(time.perf_counter() - began)
        self._on_event(len(self._learning))

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """Up to `k` item ids, best first."""
        began = time.perf_counter()
        found = self._recommender.recommend(user_id, k, now)
        self._answering.append(time.perf_counter() - began)
        return found

    @property
    def costs(self) -> Costs:
        """Of all calls until now."""
        return Costs(_percentile(self._learning, 50) * 1e6, _percentile(self._answering, 99) * 1e3)


def run_each(names: Sequence[str], run: Callable[[str], T], events: int, console: Console) -> Mapping[str, T]:
    """`run(name)` for every name, as many at once as there are cores, with a bar for each; `run` can be pickled.

    What one of them raises is raised here.
    """
    # The cores are shared out: threads of one process' matrix products would take them from the others.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    counts = context.Array("q", len(names))
    workers = min(len(names), os.cpu_count() or 1)
    with (
        ProcessPoolExecutor(workers, context, initializer=_share, initargs=(counts, list(names))) as pool,
        rate_bar(console) as bar,
    ):
        futures: dict[str, Future[T]] = {name: pool.submit(run, name) for name in names}
        tasks = {name: bar.add_task(name, total=events) for name in names}
        left = set(futures.values())
        while left:
            _, left = wait(left, timeout=POLL_EVERY_S)
            for name, count in zip(names, counts[:], strict=True):
                bar.update(tasks[name], completed=count)
        return {name: future.result() for name, future in futures.items()}


def progress_of(name: str) -> Callable[[int], None]:
    """In a process of `run_each`: what takes the number of events that `name` has learned."""
    position = _shared.names.index(name)

    def note(count: int) -> None:
        _shared.counts[position] = count

    return note


class _Shared:
    """What a process of `run_each` has in common with its parent."""

    counts: Any = None
    names: Sequence[str] = ()


_shared = _Shared()


def _share(counts: Any, names: Sequence[str]) -> None:
    _shared.counts, _shared.names = counts, names


def _percentile(seconds: "array[float]", percent: float) -> float:
    return float(np.percentile(seconds, percent)) if seconds else float("nan")
