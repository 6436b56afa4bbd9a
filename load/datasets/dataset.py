"""Chooses the data of a run, loads it, and says where it came from (reads files, may download)."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
from rich.console import Console

from infra.kafka_dist import default_cache
from load.datasets.catalog import read_items, read_profiles
from load.datasets.download import GROUPLENS, download
from load.datasets.errors import DownloadError
from load.datasets.movielens import read_ratings
from load.datasets.ratings import Ratings
from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic

Origin = Literal["given", "shared", "downloaded", "synthetic"]

PROJECT = Path(__file__).resolve().parents[2]
SHARED = PROJECT.parent / "shared" / "data" / "ml-latest-small"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Catalog items, user profiles (both as wire records) and ratings in time order, with their origin."""

    name: str
    items: list[dict[str, Any]]
    profiles: list[dict[str, Any]]
    ratings: Ratings
    origin: Origin = "given"
    reason: str = ""

    def only_catalog(self) -> "Dataset":
        """The items alone."""
        return replace(self, profiles=[], ratings=self.ratings[:0])

    def only_ratings(self, start: int = 0, stop: int | None = None) -> "Dataset":
        """The ratings of positions start to stop in time order, alone."""
        return replace(self, items=[], profiles=[], ratings=self.ratings[start:stop])

    def fingerprint(self) -> str:
        """128-bit hash of everything a replay publishes: the same data has the same fingerprint anywhere."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(orjson.dumps([self.items, self.profiles]))
        ratings = self.ratings
        for column in (ratings.user, ratings.item, ratings.value, ratings.time_ms):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()


def load_dataset(folder: Path, origin: Origin = "given", reason: str = "") -> Dataset:
    """Everything in the MovieLens folder `folder`; raises DataFileError naming file and line of a fault."""
    return Dataset(
        name=folder.name,
        items=read_items(folder),
        profiles=read_profiles(folder),
        ratings=read_ratings(folder).in_time_order(),
        origin=origin,
        reason=reason,
    )


def find_data(
    data_dir: Path | None,
    *,
    console: Console | None = None,
    cache: Path | None = None,
    shared: Path = SHARED,
    site: str = GROUPLENS,
) -> Dataset:
    """The data set to use: `data_dir`, else the shared copy, else a download, else a synthetic one.

    `origin` and `reason` say which it was and why: a caller must show them loudly when it is synthetic.
    Runs an event loop of its own for the download, so call it from a thread when one is running.
    Raises DataFileError if the chosen folder is broken; a given folder is never replaced by another.
    """
    if data_dir is not None:
        return load_dataset(data_dir, "given", f"{data_dir} was asked for")
    if shared.is_dir():
        return load_dataset(shared, "shared", f"no folder was asked for, and {shared} is there")
    cache = cache or default_cache()
    try:
        folder = asyncio.run(download("ml-latest-small", cache, console or Console(stderr=True), site))
    except DownloadError as error:
        return _synthetic(cache, error)
    return load_dataset(folder, "downloaded", "no folder was asked for; fetched from the GroupLens site")


def _synthetic(cache: Path, error: DownloadError) -> Dataset:
    folder = cache / "datasets" / "synthetic-small"
    write_synthetic(folder, Shape())
    return load_dataset(folder, "synthetic", f"invented ratings, because the download failed: {error}")
