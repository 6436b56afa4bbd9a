"""Which data a run uses, and what is said about it."""

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from load.datasets.dataset import PROJECT, SHARED, Dataset, find_data, load_dataset
from load.datasets.errors import DataFileError
from tests.load.folders import RATINGS, colon_folder, comma_folder, dataset_of
from tests.load.site import serving, zipped

NOWHERE = "http://127.0.0.1:1"  # port 1 is reserved, nothing listens there


def find(data_dir: Path | None, tmp_path: Path, site: str = NOWHERE) -> Dataset:
    return find_data(
        data_dir,
        console=Console(file=io.StringIO()),
        cache=tmp_path / "cache",
        shared=tmp_path / "shared",
        site=site,
    )


def test_a_given_folder_wins_over_the_shared_one(tmp_path: Path) -> None:
    comma_folder(tmp_path / "shared")
    dataset = find(colon_folder(tmp_path / "mine"), tmp_path)
    assert (dataset.name, dataset.origin) == ("mine", "given")
    assert len(dataset.profiles) == 2


def test_a_given_folder_that_is_broken_is_never_replaced_by_another(tmp_path: Path) -> None:
    comma_folder(tmp_path / "shared")
    with pytest.raises(DataFileError, match="is not a folder"):
        find(tmp_path / "absent", tmp_path)


def test_the_shared_folder_is_used_before_any_download(tmp_path: Path) -> None:
    comma_folder(tmp_path / "shared")
    dataset = find(None, tmp_path)
    assert (dataset.origin, len(dataset.ratings)) == ("shared", len(RATINGS))


async def test_without_a_folder_the_small_release_is_downloaded(tmp_path: Path) -> None:
    content = zipped(comma_folder(tmp_path / "published"), "ml-latest-small")
    async with serving("ml-latest-small", content) as site:
        dataset = await asyncio.to_thread(find, None, tmp_path, site.url)
    assert (dataset.origin, len(dataset.ratings)) == ("downloaded", len(RATINGS))


async def test_without_a_network_the_data_is_synthetic_and_says_why(tmp_path: Path) -> None:
    dataset = await asyncio.to_thread(find, None, tmp_path)
    assert dataset.origin == "synthetic"
    assert "the download failed" in dataset.reason and NOWHERE in dataset.reason
    assert (len(dataset.items), len(dataset.ratings)) == (9_742, 100_836)


def test_ratings_are_in_time_order(tmp_path: Path) -> None:
    ratings = load_dataset(comma_folder(tmp_path)).ratings
    assert ratings.time_ms.tolist() == sorted(1000 * row[3] for row in RATINGS)


def test_parts_hold_the_catalog_or_a_stretch_of_ratings_alone() -> None:
    dataset = dataset_of(users=4, per_user=3)
    assert (len(dataset.only_catalog().items), len(dataset.only_catalog().ratings)) == (3, 0)
    stretch = dataset.only_ratings(2, 5)
    assert (stretch.items, stretch.profiles) == ([], [])
    np.testing.assert_array_equal(stretch.ratings.time_ms, dataset.ratings.time_ms[2:5])


def test_equal_data_has_one_fingerprint_and_any_change_another() -> None:
    dataset = dataset_of(users=4, per_user=3)
    assert dataset.fingerprint() == dataset_of(users=4, per_user=3).fingerprint()
    others = [dataset.only_catalog(), dataset.only_ratings(), dataset_of(users=3, per_user=4)]
    assert len({part.fingerprint() for part in [dataset, *others]}) == 4


def test_the_shared_copy_lies_beside_the_checkout() -> None:
    assert (PROJECT / "pyproject.toml").is_file()
    assert PROJECT.parent / "shared" / "data" / "ml-latest-small" == SHARED
