"""Evaluating recommenders side by side, ours and others."""

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from load.datasets.dataset import Dataset, load_dataset
from load.datasets.errors import LoadError
from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic
from load.evaluation.report import print_costs, print_report, write_json
from load.evaluation.run import CONFIGURATIONS, OURS, POPULARITY, Plan, evaluate_all, load_recommender
from models.evaluation.outcomes import Outcomes

SMALL = Shape(users=40, items=120, ratings=1_200, tags=0, clusters=4)


class Oracle:
    """A foreign recommender, without a catalog: always the same list."""

    def observe(self, event: Mapping[str, Any]) -> None:
        """Learn nothing."""

    def recommend(self, user_id: str, k: int, now: int) -> list[str]:
        """The first items."""
        return [str(number) for number in range(1, k + 1)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("small")
    write_synthetic(folder, SMALL)
    return load_dataset(folder)


def quiet() -> Console:
    return Console(file=StringIO(), width=200)


def outcomes_of(dataset: Dataset, plan: Plan) -> dict[str, Outcomes]:
    return {name: judged.outcomes for name, judged in evaluate_all(dataset, plan, quiet()).items()}


def test_ours_beats_popularity_where_the_sequence_is_the_answer(dataset: Dataset) -> None:
    found = outcomes_of(dataset, Plan(only=(OURS, POPULARITY)))
    assert found[OURS].known().hit_rate() > 1.2 * found[POPULARITY].known().hit_rate()


@pytest.mark.parametrize("protocol", ["time-split", "leave-last-out"])
def test_every_configuration_answers_in_every_protocol(dataset: Dataset, protocol: Any) -> None:
    found = outcomes_of(dataset, Plan(protocol=protocol, events=600))
    assert list(found) == list(CONFIGURATIONS)
    assert len({len(outcomes.ranks) for outcomes in found.values()}) == 1
    assert all(outcomes.coverage > 0 for outcomes in found.values())


def test_any_recommender_takes_part_by_its_name(dataset: Dataset) -> None:
    name = "tests.load.test_evaluate:Oracle"
    found = outcomes_of(dataset, Plan(events=300, only=(POPULARITY,), others=(name,)))
    assert list(found) == [POPULARITY, name]


@pytest.mark.parametrize("name", ["nonsense", "no.such.module:Class", "json:NoSuchClass", "pathlib:PurePath"])
def test_what_is_no_recommender_is_refused_by_name(name: str) -> None:
    with pytest.raises(LoadError, match=name):
        load_recommender(name, [])


def test_unknown_configuration_is_told_which_there_are(dataset: Dataset) -> None:
    with pytest.raises(LoadError, match="choose from learned ranker"):
        outcomes_of(dataset, Plan(only=("magic",)))


def test_what_learning_and_answering_cost_is_measured_and_shown(dataset: Dataset) -> None:
    judged = evaluate_all(dataset, Plan(events=300, only=(OURS, POPULARITY)), quiet())
    console = quiet()
    print_costs({name: one.costs for name, one in judged.items()}, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for name, one in judged.items():
        assert name in shown and one.costs.learn_us > 0 and one.costs.answer_ms > 0


def test_report_and_json_show_every_recommender(dataset: Dataset, tmp_path: Path) -> None:
    found = outcomes_of(dataset, Plan(events=400, only=(OURS, POPULARITY)))
    console = quiet()
    print_report("small", found, 1, console)
    write_json(tmp_path / "figures.json", "small", found, 1)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    figures = json.loads((tmp_path / "figures.json").read_bytes())
    for name, outcomes in found.items():
        assert name in shown
        mean, low, high = figures["recommenders"][name]["slices"]["known users"]["hit rate"]
        assert low <= mean <= high
        assert mean == pytest.approx(outcomes.known().hit_rate())
