"""The speed benchmark measures every figure it promises, on little of everything."""

from pathlib import Path

import orjson
import pytest
from rich.console import Console

from load.bench.speed import QUICK, measure
from load.bench.speed_table import Figure, speed_table
from load.datasets.dataset import load_dataset
from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic

SMALL = Shape(users=20, items=60, ratings=600, tags=30)
JUDGED = {
    "interactions agent",
    "whole path: published → in answers",
    "request → reply, idle, p50",
    "request → reply, idle, p99",
    "requests without an answer",
    "worker memory, all ratings loaded",
    "recovery, each row once",
    "÷ without changelog and commits",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic")
    write_synthetic(folder, SMALL)
    return folder


@pytest.mark.long
async def test_every_figure_is_measured_and_every_request_answered(folder: Path) -> None:
    figures = {one.name.strip(): one for one in await measure(load_dataset(folder), QUICK, Console(quiet=True))}
    assert {name for name, one in figures.items() if one.met is not None} == JUDGED
    assert all(one.value > 0 for name, one in figures.items() if name != "requests without an answer")
    assert figures["requests without an answer"].met
    assert all(one.floor is None or one.floor > 0 for one in figures.values())


def test_a_figure_is_met_on_its_bound_and_unmet_beyond() -> None:
    assert Figure("rate", 3_000.0, "/s", at_least=3_000).met
    assert not Figure("rate", 2_999.9, "/s", at_least=3_000).met
    assert Figure("memory", 400.0, "MiB", at_most=400).met
    assert not Figure("p99", 9.1, "ms", floor=3.0, at_most_floors=3).met
    assert Figure("p99", 9.1, "ms").met is None


def test_a_ratio_without_its_floor_is_not_met() -> None:
    assert Figure("p99", 9.1, "ms", at_most_floors=3).met is False


def test_a_latency_without_any_answer_is_null_in_json() -> None:
    assert orjson.loads(orjson.dumps(Figure("p99", float("inf"), "ms").as_json()))["value"] is None


def test_the_table_shows_value_floor_ratio_target_and_verdict() -> None:
    console = Console(width=140)
    with console.capture() as shown:
        console.print(speed_table("figures", [Figure("p99", 6.0, "ms", 3.0, "echo", at_most_floors=3)]))
    row = next(line for line in shown.get().splitlines() if "p99" in line)
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert cells == ["p99", "6.00 ms", "3.00 (echo)", "2", "≤ 3 × floor", "yes"]
