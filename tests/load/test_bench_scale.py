"""The scale benchmark: which workloads, what their figures say, and a run of little of everything."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from load.bench.capacity import Capacity, capacity
from load.bench.scale_figures import figures_of, title_of
from load.bench.scale_ingest import Ingest
from load.bench.scale_requests import later
from load.bench.scale_run import Measured, measure
from load.bench.scale_table import Figure, Target, missed, scale_table
from load.bench.scale_workloads import QUICK, WORKLOADS, Workload, chosen, data_of, targets_of
from load.client.process_memory import cpu_seconds
from load.client.reading import ReadSpeed, read_through
from load.client.replay import encode_ratings
from load.client.requests import LoadReport
from load.datasets.errors import LoadError
from load.datasets.interleaved import interleaved_dataset
from tests.kafka import create_topic, write

TEN_K, HUNDRED_K = "interleaved-10k", "interleaved-100k"
OPTIONAL = {one.name for one in WORKLOADS if not one.by_default}


def workload_names(*only: str) -> list[str]:
    return [one.name for one in chosen(list(only), [], None, quick=False)]


def test_by_default_the_large_workloads_are_left_out() -> None:
    assert workload_names() == ["bursts", TEN_K, HUNDRED_K, "deep"]
    assert {"users-1m", "items-1m"} == OPTIONAL


def test_a_name_chooses_all_workloads_that_start_so() -> None:
    assert workload_names("interleaved") == [TEN_K, HUNDRED_K]
    assert workload_names("users-1m") == ["users-1m"]


def test_sizes_add_an_interleaved_workload_and_the_time_may_be_given() -> None:
    [one] = chosen([], ["2000/1000/5000"], 12.0, quick=False)
    assert (one.items, one.users, one.events, one.within_s) == (2_000, 1_000, 5_000, 12.0)


@pytest.mark.parametrize("sizes", ["1000", "a/b/c", "10/0/10", "1/2/3/4"])
def test_sizes_that_are_none_are_refused(sizes: str) -> None:
    with pytest.raises(LoadError, match="sizes"):
        chosen([], [sizes], None, quick=False)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(LoadError, match="no workload is called wide; there are bursts"):
        chosen(["wide"], [], None, quick=False)


def test_every_target_belongs_to_a_figure() -> None:
    for one in WORKLOADS:
        judged = [figure for figure in figures_of(Measured(one)) if figure.target is not None]
        assert len(judged) == len(targets_of(one))


def test_a_target_is_reached_on_its_bound_and_missed_beyond_and_without_a_number() -> None:
    least, most = Target(3, 6, least=True), Target(6, 3)
    assert [least.verdict(value) for value in (6, 5.9, 3, 2.9)] == ["aim", "must", "must", "missed"]
    assert [most.verdict(value) for value in (3, 3.1, 6, 6.1)] == ["aim", "must", "must", "missed"]
    assert least.verdict(float("nan")) == most.verdict(float("nan")) == "missed"


def test_a_ratio_is_judged_by_its_baseline_and_missed_without_one() -> None:
    target = Target(2, 1.5, of_ratio=True)
    assert Figure("p99", 4.0, "ms", 3.0, "echo", target).verdict == "aim"
    assert Figure("p99", 4.0, "ms", None, "echo", target).verdict == "missed"


def test_what_did_not_end_is_missed_however_good_its_part() -> None:
    assert Figure("events", 9_000.0, "/s", target=Target(1, 2, least=True), missing="did not end").verdict == "missed"


def test_figures_of_a_part_say_how_far_it_came_and_later_ones_that_they_are_missing() -> None:
    events = Ingest(done=100_000, wanted=400_000, seconds=50.0, cpu_s=40.0)
    read = ReadSpeed(records=400_000, size=40_000_000, seconds=1.0, cpu_s=0.5)
    found = Measured(workload(HUNDRED_K), 100, 10, 400_000, events=events, events_read=read)
    figures = {one.name.strip(): one for one in figures_of(found)}
    whole_path = figures["events, whole path"]
    assert (whole_path.value, whole_path.baseline, whole_path.verdict) == (2_000.0, 400_000.0, "missed")
    assert whole_path.missing == "did not end: 100,000 of 400,000 in 50 s"
    assert figures["restart to ready, right after"].missing == "not measured"
    assert figures["restart to ready, right after"].verdict == "unknown"


def test_memory_is_what_lies_beyond_the_empty_worker_and_beyond_the_catalog() -> None:
    read = ReadSpeed(records=100, size=20_000, seconds=1.0, cpu_s=1.0)
    whole = Ingest(done=100, wanted=100, seconds=1.0, cpu_s=1.0)
    found = Measured(workload(TEN_K), items=100, users=10, empty_b=1e6, catalog_b=3e6, events_b=4e6)
    found.catalog, found.catalog_read, found.events, found.events_read = whole, read, whole, read
    figures = {one.name.strip(): one for one in figures_of(found)}
    of_item, of_user = figures["an item: catalog − empty"], figures["a user: events − catalog"]
    assert (of_item.value, of_item.baseline) == (20.0, 0.2)
    assert (of_user.value, of_user.baseline) == (100.0, 2.0)


def test_the_table_shows_the_targets_and_what_is_missed_plainly() -> None:
    figure = Figure("p99", 9.0, "ms", 3.0, "echo", Target(2, 1.5, of_ratio=True))
    shown = StringIO()
    Console(width=140, file=shown).print(scale_table("scale", [("bursts", [figure])]))
    row = next(line for line in shown.getvalue().splitlines() if "p99" in line)
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert cells == ["p99", "9.00 ms", "3.00 (echo)", "3", "≤ 2 ×", "≤ 1.5 ×", "missed"]
    assert missed([("bursts", [figure])]) == ["bursts: p99"]


async def test_capacity_is_the_last_rate_before_the_first_that_fails_twice() -> None:
    asked: list[float] = []
    found = await capacity(answering_up_to(100, asked), (50, 100, 200, 400))
    assert found == Capacity(100, 10.0, 200)
    assert asked == [50, 100, 200, 200]


async def test_capacity_is_nothing_if_the_first_rate_fails_and_unbroken_if_none_does() -> None:
    assert (await capacity(answering_up_to(10, []), (50, 100))).rate == 0
    assert await capacity(answering_up_to(500, []), (50, 100)) == Capacity(100, 10.0, None)


async def test_one_late_step_gets_a_second_try() -> None:
    reports = [report(10.0), report(80.0), report(20.0)]

    async def ask(rate: float) -> LoadReport:
        return reports.pop(0)

    assert await capacity(ask, (50, 100)) == Capacity(100, 20.0, None)


async def test_answers_that_do_not_come_break_a_rate() -> None:
    async def ask(rate: float) -> LoadReport:
        return replace(report(1.0), answered=0)

    assert (await capacity(ask, (50,))).rate == 0


def test_later_events_are_new_ones_of_the_same_users_after_all_others() -> None:
    ratings = interleaved_dataset(items=30, users=20, events=50).ratings
    more = later(ratings)
    assert more.user.tolist() == ratings.user.tolist()
    assert more.time_ms.min() > ratings.time_ms.max() and (np.diff(more.time_ms) >= 0).all()
    assert not {body for _, body in encode_ratings(more)} & {body for _, body in encode_ratings(ratings)}


async def test_reading_counts_records_and_their_bytes(broker: str) -> None:
    topic = await create_topic(broker, "read", partitions=2)
    await write(broker, topic, [b'{"a":1}'] * 10, key=b"key")
    read = await read_through(broker, [topic], parse=True)
    assert (read.records, read.size) == (10, 100)
    assert read.seconds > 0


def test_cpu_time_is_that_of_a_process_that_there_is() -> None:
    assert cpu_seconds(os.getpid()) > 0
    with pytest.raises(LoadError, match="CPU time"):
        cpu_seconds(2**22 + 1)  # beyond the largest id of a process


@pytest.mark.long
async def test_every_figure_of_a_workload_is_measured() -> None:
    [tiny] = chosen([TEN_K], [], None, quick=True)
    said: list[str] = []
    found = await measure(tiny, data_of(tiny, None, Console(quiet=True)), QUICK, said.append)
    assert not found.failure
    assert [one.name for one in figures_of(found) if one.value is None or one.missing] == []
    figures = {one.name.strip(): one for one in figures_of(found)}
    assert figures["requests without an answer"].value == figures["restarts unasked for"].value == 0
    assert title_of(found).startswith("interleaved-10k: 300 items, 100 users, 1,500 events")
    assert "requests beside flat-out ingest" in said


@pytest.mark.long
async def test_a_workload_that_does_not_end_in_time_says_how_far_it_came() -> None:
    [large] = chosen([], ["3000/1000/50000"], 1.0, quick=False)
    found = await measure(large, data_of(large, None, Console(quiet=True)), QUICK, lambda said: None)
    assert "did not end" in found.failure
    assert found.restart_s is None and found.idle is None
    assert "missed" in {one.verdict for one in figures_of(found)}


def workload(name: str) -> Workload:
    return next(one for one in WORKLOADS if one.name == name)


def report(p99_ms: float) -> LoadReport:
    return LoadReport(10, 10, 0, {}, 0, 1.0, np.full(10, p99_ms))


def answering_up_to(most: float, asked: list[float]) -> Callable[[float], Awaitable[LoadReport]]:
    async def ask(rate: float) -> LoadReport:
        asked.append(rate)
        return report(10.0 if rate <= most else 500.0)

    return ask
