"""The example without Kafka runs, on its own films and on files in MovieLens' format (processes)."""

from pathlib import Path

from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic
from tests.examples.running import run_example


def test_the_likes_of_its_users_show_in_the_list_and_in_its_reasons() -> None:
    lines = run_example("recommender").splitlines()
    assert lines[0] == "For dan:"
    listed = [line.split()[1] for line in lines if line.startswith("  ") and line[2].isdigit()]
    assert set(listed[:3]) == {"Ronin", "Collateral", "Thief"}
    assert any(line.split()[1:] == ["followed_by", "Heat"] for line in lines)
    assert "Similar to Heat:" in lines


def test_it_reads_a_folder_in_movielens_format(tmp_path: Path) -> None:
    write_synthetic(tmp_path, Shape(users=20, items=30, ratings=300, tags=10, clusters=3))
    lines = run_example("recommender", str(tmp_path), "1").splitlines()
    assert lines[0] == "For 1:" and any(line.startswith("Similar to ") for line in lines)
