"""The progress file of a replay."""

from pathlib import Path

import pytest

from load.client.journal import Journal
from load.datasets.errors import LoadError


def test_a_position_survives_a_restart_in_a_folder_that_did_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "state" / "replay.json"
    Journal.open(path, "data").acknowledge(41)
    assert Journal.open(path, "data").position == 41
    assert [file.name for file in path.parent.iterdir()] == ["replay.json"]


def test_a_file_of_other_data_is_refused_instead_of_skipping_records(tmp_path: Path) -> None:
    path = tmp_path / "replay.json"
    Journal.open(path, "data").acknowledge(41)
    with pytest.raises(LoadError, match="belongs to other data"):
        Journal.open(path, "other data")


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version":1,"replay":"data","position":"x"}'])
def test_a_file_that_is_no_progress_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "replay.json"
    path.write_text(text)
    with pytest.raises(LoadError, match="is no progress file"):
        Journal.open(path, "data")


def test_without_a_path_nothing_is_remembered() -> None:
    journal = Journal.open(None, "data")
    journal.acknowledge(41)
    assert Journal.open(None, "data").position == 0
