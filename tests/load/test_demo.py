"""The demo on a small invented data set, with the real broker and worker, and how it ends when they fail."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from load.client.stream_eval import cut, interval_95, sample_tests
from load.client.worker_process import WorkerProcess
from load.datasets.dataset import load_dataset
from load.datasets.errors import LoadError
from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic
from load.demo.figures import DemoPlan, Figures
from load.demo.run import run_demo
from workers.records.codes import RequestFailure
from workers.settings import load_settings

SHAPE = Shape(users=60, items=300, ratings=3_000, tags=50, clusters=5)
PLAN = DemoPlan(rate=10.0, measure_s=1.0, tests=120, probes=5, new_items=3)


@dataclass(frozen=True, slots=True)
class Shown:
    figures: Figures
    text: str
    clusters: np.ndarray


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("data")
    truth = write_synthetic(folder, SHAPE)
    page = StringIO()
    before = signal.getsignal(signal.SIGTERM)
    try:
        figures = run_demo(load_dataset(folder, "synthetic", "made for a test"), PLAN, Console(file=page, width=200))
    finally:
        signal.signal(signal.SIGTERM, before)
    yield Shown(figures, page.getvalue(), truth.item_cluster)


def test_every_event_is_applied_exactly_once(demo: Shown) -> None:
    streamed = demo.figures.streamed
    assert streamed.outcomes == {"applied": SHAPE.ratings + PLAN.probes}
    assert streamed.dead_letters == 0
    assert streamed.catalog.records == SHAPE.items


def test_every_request_is_accounted_for_and_only_late_ones_are_refused(demo: Shown) -> None:
    for load in (demo.figures.streamed.idle, demo.figures.streamed.busy, demo.figures.streamed.echo):
        assert load.answered + load.timed_out + sum(load.errors.values()) == load.requests
        assert load.answered > 0 and set(load.errors) <= {RequestFailure.DEADLINE_PASSED}
        assert load.requests >= PLAN.rate * PLAN.measure_s


def test_the_streamed_answers_find_more_than_chance_and_agree_with_the_offline_models(demo: Shown) -> None:
    figures = demo.figures
    streamed, offline = figures.streamed.ranks.ranks > 0, figures.offline.ranks > 0
    assert len(streamed) == len(offline) == len(figures.popular.ranks) == PLAN.tests
    lowest, _ = interval_95(int(streamed.sum()), len(streamed))
    assert lowest > 2 * PLAN.list_size / SHAPE.items
    assert (streamed == offline).mean() > 0.8
    assert not figures.streamed.eval_errors


def test_the_new_visitor_sees_each_event_in_the_next_answer_and_new_items_soon(demo: Shown) -> None:
    fresh = demo.figures.streamed.freshness
    assert len(fresh.probes_ms) == PLAN.probes
    assert len(fresh.items_ms) == PLAN.new_items
    assert np.isfinite([fresh.worker_p50_s, fresh.worker_p99_s]).all()


def test_what_is_like_an_item_is_of_its_cluster_and_says_why(demo: Shown) -> None:
    example = demo.figures.streamed.example
    found = [int(item["item_id"]) for item in example.similar["items"]]
    same = demo.clusters[np.array(found) - 1] == demo.clusters[int(example.item_id) - 1]
    assert len(found) == 5 and same.mean() > 0.5
    assert all(item["reasons"] for item in example.similar["items"])


def test_the_user_of_the_example_gets_nothing_that_they_had(demo: Shown) -> None:
    example = demo.figures.streamed.example
    had = set(map(str, example.history.item))
    assert len(example.for_user["items"]) == PLAN.list_size
    assert not had & {item["item_id"] for item in example.for_user["items"]}


def test_the_page_shouts_that_the_data_is_invented_and_shows_tables_with_reasons(demo: Shown) -> None:
    for piece in ("INVENTED DATA", "often next after", "bare echo", "hit rate @10, streamed", "popularity"):
        assert piece in demo.text


def test_the_demo_leaves_no_folder_and_no_worker_behind(demo: Shown) -> None:
    (log,) = {Path(word) for word in demo.text.split() if word.endswith("worker.log")}
    assert not log.parent.exists()


def test_a_worker_that_dies_at_its_start_shows_why(tmp_path: Path) -> None:
    settings = load_settings(bootstrap_servers="127.0.0.1:1", data_path=tmp_path, patience_s=1.0, web_port=1024)
    with pytest.raises(LoadError, match=r"exit code 1.*\n.*127\.0\.0\.1:1"), WorkerProcess(settings, tmp_path / "log"):
        pytest.fail("it can't be ready without Kafka")


def test_ctrl_c_ends_broker_and_worker_and_removes_the_folder(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "data", SHAPE)
    run = tmp_path / "run"
    run.mkdir()
    command = [sys.executable, "-m", "workers.cli", "demo", "--data", str(tmp_path / "data")]
    with subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(run), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Publishing" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert "Traceback" not in process.stdout.read()
    assert list(run.iterdir()) == []
    assert not _mentioning(str(run))


def test_ties_stay_on_one_side_of_the_cut(tmp_path: Path) -> None:
    write_synthetic(tmp_path, SHAPE)
    ratings = load_dataset(tmp_path).ratings
    for share in np.linspace(0.0, 1.0, 50):
        start = cut(ratings, float(share))
        assert start == 0 or ratings.time_ms[start - 1] // 1000 < ratings.time_ms[start] // 1000


def test_tests_are_liked_events_after_the_cut_and_the_same_for_one_seed(tmp_path: Path) -> None:
    write_synthetic(tmp_path, SHAPE)
    ratings = load_dataset(tmp_path).ratings
    start = cut(ratings, 0.9)
    tests = sample_tests(ratings, start, 50, seed=1)
    rest = ratings[start:]
    liked = {
        f"{u}-{i}-{t}" for u, i, v, t in zip(rest.user, rest.item, rest.value, rest.time_ms, strict=True) if v >= 4
    }
    assert len(tests) == 50 and tests <= liked
    assert tests == sample_tests(ratings, start, 50, seed=1) != sample_tests(ratings, start, 50, seed=2)


def _mentioning(text: str) -> list[int]:
    """Processes whose command line mentions `text`, once those that are just ending are gone."""
    deadline = time.monotonic() + 30
    while True:
        found = [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and text.encode() in _command_line(entry)
        ]
        if not found or time.monotonic() > deadline:
            return found


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
