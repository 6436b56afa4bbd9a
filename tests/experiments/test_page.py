"""The page on experiments is true: its definitions can run, its commands are understood."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from workers.admin.experiments.judge import FEW_ACTS, FEW_USERS, MISMATCH
from workers.admin.experiments.service import checked
from workers.cli.experiment import app
from workers.control.running import MAX_RUNNING, choose
from workers.metrics import Metrics
from workers.records.experiment import MAX_VARIANTS

PAGE = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text()
DEFINITIONS = re.findall(r"^```json experiment\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^tastestream experiment ([^#\n]+)", PAGE, re.MULTILINE)


def test_the_definitions_run_side_by_side() -> None:
    found = [checked(text.encode()) for text in DEFINITIONS]
    assert PAGE.count("```json") == len(found) == 3
    assert choose(found, "online")[1] == {}


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_are_understood(line: str) -> None:
    group = typer.main.get_command(app)
    name, *arguments = shlex.split(line)
    command = group.commands[name]  # type: ignore[attr-defined]
    assert command.make_context(name, arguments).info_name == name


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"At most {MAX_RUNNING} run" in PAGE and f"At most {MAX_VARIANTS} variants are scored" in PAGE
    assert f"under {FEW_USERS} users, or {FEW_ACTS} clicks" in PAGE and MISMATCH == 0.0005 and "p < .0005" in PAGE


def test_the_metrics_exist() -> None:
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    Metrics(registry)
    names = {family.name + "_total" for family in registry.collect() if family.type == "counter"}
    assert set(re.findall(r"tastestream_\w+_total", PAGE)) <= names
