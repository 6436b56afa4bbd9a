"""The console command: what it offers, and how it fails."""

import json
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from load.datasets.movielens import read_ratings
from tests.load.folders import comma_folder

EXIT_FAILED, EXIT_MISCONFIGURED = 1, 78


def tastestream(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    assignments = [f"{name}={value}" for name, value in environment.items()]
    command = ["env", *assignments, sys.executable, "-m", "workers.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def test_help_lists_the_commands_of_the_worker_and_of_the_load() -> None:
    shown = tastestream("--help").stdout
    for name in ("worker", "topics", "broker", "demo", "replay", "ask", "load", "generate", "download", "evaluate"):
        assert name in shown


def test_help_loads_nothing_heavy() -> None:
    heavy = {"numpy", "aiokafka", "faust", "pyarrow"}
    look = f"import sys, workers.cli.app, load.cli; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=240)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["demo", "replay", "evaluate"])
def test_a_folder_without_data_is_one_clear_message(command: str, tmp_path: Path) -> None:
    ended = tastestream(command, "--data", str(tmp_path / "nothing"))
    assert ended.returncode == EXIT_FAILED
    assert "nothing is not a folder" in ended.stderr and "Traceback" not in ended.stderr + ended.stdout


def test_a_setting_that_can_not_be_is_named_and_has_its_own_exit_code(tmp_path: Path) -> None:
    data = comma_folder(tmp_path / "data")
    ended = tastestream("replay", "--data", str(data), TASTESTREAM_USER_PARTITIONS="none")
    assert ended.returncode == EXIT_MISCONFIGURED
    assert "TASTESTREAM_USER_PARTITIONS" in ended.stderr and "Traceback" not in ended.stderr


def test_without_a_broker_a_question_ends_with_the_address() -> None:
    ended = tastestream("ask", "7", TASTESTREAM_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert ended.returncode == EXIT_FAILED
    assert "127.0.0.1:1" in ended.stderr and "Traceback" not in ended.stderr


def test_generate_writes_what_was_asked_for(tmp_path: Path) -> None:
    sizes = ("--users", "30", "--items", "100", "--ratings", "500", "--tags", "10", "--clusters", "4")
    ended = tastestream("generate", str(tmp_path / "made"), *sizes)
    assert (ended.returncode, len(read_ratings(tmp_path / "made"))) == (0, 500)


def test_generate_refuses_a_shape_that_can_not_be(tmp_path: Path) -> None:
    ended = tastestream("generate", str(tmp_path), "--items", "3", "--clusters", "4")
    assert ended.returncode == EXIT_FAILED
    assert "ask for fewer clusters" in ended.stderr and "Traceback" not in ended.stderr


def test_evaluate_finds_ours_above_popularity_where_items_follow_each_other(tmp_path: Path) -> None:
    sizes = ("--users", "60", "--items", "300", "--ratings", "3000", "--tags", "0", "--clusters", "5")
    tastestream("generate", str(tmp_path), *sizes)
    report = tmp_path / "report.json"
    only = ("--only", "learned ranker", "--only", "popularity")
    ended = tastestream("evaluate", "--data", str(tmp_path), *only, "--json", str(report))
    assert "learned ranker" in ended.stdout
    found = json.loads(report.read_text())["recommenders"]
    ours, popular = (found[name]["slices"]["known users"]["hit rate"][0] for name in ("learned ranker", "popularity"))
    assert ours > 1.5 * popular > 0


def test_the_version_is_said_and_every_command_explains_itself_by_a_short_option() -> None:
    assert tastestream("--version").stdout == f"tastestream {version('tastestream')}\n"
    for command in ((), ("state", "show"), ("topics", "create"), ("ask",)):
        ended = tastestream(*command, "-h")
        assert ended.returncode == 0 and "Usage:" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--recommender", "foo:Bar"), "'foo:Bar' can't be evaluated"),
        (("--recommender", "models.evaluation.baselines"), "name it as module:Class"),
        (("--recommender", "json:JSONDecoder"), "it needs observe(event)"),
        (("--only", "nothing"), "choose from learned ranker"),
        (("--protocol", "guess"), "choose prequential"),
        (("--json", "/no/such/folder/report.json"), "there is no folder /no/such/folder"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value[-1],
)
def test_what_an_evaluation_can_not_find_is_said_before_any_data(arguments: tuple[str, str], said: str) -> None:
    ended = tastestream("evaluate", "--data", "/no/such/data", *arguments)
    assert ended.returncode == EXIT_MISCONFIGURED
    assert said in ended.stderr and len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TASTESTREAM_EVENT_WEIGHTS", '{"click"', "TASTESTREAM_EVENT_WEIGHTS: this is not JSON"),
        ("TASTESTREAM_EVENT_WEIGHTS", "[1]", "TASTESTREAM_EVENT_WEIGHTS: Input should be an object"),
        ("TASTESTREAM_WEBPORT", "1", "TASTESTREAM_WEBPORT is no setting: do you mean TASTESTREAM_WEB_PORT?"),
        ("TASTESTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:port", "no address of a broker"),
    ],
)
def test_a_worker_with_a_wrong_setting_ends_with_one_line(variable: str, value: str, said: str) -> None:
    ended = tastestream("worker", **{variable: value})
    assert ended.returncode == EXIT_MISCONFIGURED
    assert said in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_a_broker_that_can_not_be_run_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        wrong = {
            ("--port", "99999"): "There is no port 99999",
            ("--port", str(taken.getsockname()[1])): "can't be used (Address already in use)",
            ("--data", str(tmp_path / "file" / "data")): "can't be written (Not a directory)",
        }
        for (option, value), said in wrong.items():
            options = {"--data": str(tmp_path / "broker"), "--port": "0", option: value}
            ended = tastestream("broker", *(part for pair in options.items() for part in pair))
            assert ended.returncode == EXIT_MISCONFIGURED
            assert said in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_an_absent_broker_is_waited_for_with_a_line_now_and_then() -> None:
    ended = tastestream("topics", TASTESTREAM_BOOTSTRAP_SERVERS="127.0.0.1:1", TASTESTREAM_PATIENCE_S="3")
    waits = [line for line in ended.stderr.splitlines() if line.startswith("waiting")]
    assert len(waits) == 1 and "until the topics are ready: Kafka at 127.0.0.1:1" in waits[0]
    assert ended.returncode == EXIT_FAILED and "<" not in ended.stderr and "Error" not in ended.stderr
