"""The data folder is made before numba looks for a place to keep compiled kernels."""

import os
from pathlib import Path

import pytest

from workers.errors import ConfigurationError
from workers.runtime import folder as folders
from workers.runtime.folder import NUMBA_CACHE_DIR, prepare_folder


@pytest.fixture(autouse=True)
def no_cache_folder_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NUMBA_CACHE_DIR, "-")  # so that what the test sets is undone
    monkeypatch.delenv(NUMBA_CACHE_DIR)


@pytest.fixture
def read_only_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders.os, "access", lambda path, mode: False)


def test_missing_folder_is_made(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_folder_that_can_not_be_made_is_named_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(ConfigurationError, match=r"a/b can't be written .*TASTESTREAM_DATA_PATH"):
        prepare_folder(tmp_path / "a" / "b")


def test_kernels_are_kept_beside_code_that_can_be_written(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    assert NUMBA_CACHE_DIR not in os.environ


@pytest.mark.usefixtures("read_only_code")
def test_kernels_of_read_only_code_are_kept_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_folder(Path("data"))
    assert os.environ[NUMBA_CACHE_DIR] == str(tmp_path / "data/kernels")


@pytest.mark.usefixtures("read_only_code")
def test_folder_that_the_operator_chose_for_kernels_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NUMBA_CACHE_DIR, "/elsewhere")
    prepare_folder(tmp_path)
    assert os.environ[NUMBA_CACHE_DIR] == "/elsewhere"
