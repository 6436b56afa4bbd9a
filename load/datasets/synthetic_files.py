"""Writes an invented data set as the files of a MovieLens release, its truth beside them (writes files)."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from load.datasets.layouts import COLONS, COMMA
from load.datasets.ratings import Ratings
from load.datasets.synthetic import Shape, Truth, make_ratings, make_truth

TRUTH_FILE = "truth.npz"
GENRES = (
    *("Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
PLACES = (
    *(
        "Harbour",
        "Orchard",
        "Desert",
        "Station",
        "Castle",
        "Island",
        "Forest",
        "Circus",
        "Glacier",
        "Lighthouse",
    ),
    *(
        "Factory",
        "Library",
        "Canyon",
        "Market",
        "Bridge",
        "Garden",
        "Cellar",
        "Theatre",
        "Railway",
        "Observatory",
    ),
)
MOODS = ("Quiet", "Crimson", "Broken", "Golden", "Distant", "Last", "Hidden", "Restless", "Gentle", "Burning")
# Above every number in use, so that an invented movie links to nothing.
FIRST_FOREIGN_ID = 90_000_000


def write_synthetic(folder: Path, shape: Shape) -> Truth:
    """Movies, ratings, links and tags as in ml-latest-small; the same shape gives the same bytes."""
    truth = make_truth(shape)
    ratings = make_ratings(shape, truth)
    folder.mkdir(parents=True, exist_ok=True)
    _write_rows(folder / "movies.csv", "movieId,title,genres", _movies(shape, truth))
    _write_rows(folder / "links.csv", "movieId,imdbId,tmdbId", _links(shape))
    _write_rows(folder / "tags.csv", "userId,movieId,tag,timestamp", _tags(shape, truth, ratings))
    write_comma_ratings(folder, ratings)
    np.savez(folder / TRUTH_FILE, **asdict(truth))
    return truth


def read_truth(folder: Path) -> Truth:
    """The truth that `write_synthetic` left in `folder`."""
    with np.load(folder / TRUTH_FILE) as arrays:
        return Truth(arrays["item_cluster"], arrays["successor"], arrays["user_clusters"])


def write_comma_ratings(folder: Path, ratings: Ratings) -> None:
    """`ratings.csv` as in ml-latest-small and ml-25m: `user,item,stars,seconds`, stars with one decimal."""
    spelled = pa.array([f"{half / 2:.1f}" for half in range(11)])
    stars = spelled.take(pa.array(np.rint(ratings.value * 2).astype(np.int8)))
    with (folder / COMMA.ratings.file).open("wb") as file:
        file.write(f"{COMMA.ratings.header}\n".encode())
        _write_columns(file, [ratings.user, ratings.item, stars, ratings.time_ms // 1000], ",")


def write_colon_ratings(folder: Path, ratings: Ratings) -> None:
    """`ratings.dat` as in ml-1m: `user::item::stars::seconds`, whole stars."""
    gap = pa.nulls(len(ratings), pa.string())
    stars = np.ceil(ratings.value).astype(np.int8)
    with (folder / COLONS.ratings.file).open("wb") as file:
        _write_columns(file, [ratings.user, gap, ratings.item, gap, stars, gap, ratings.time_ms // 1000], ":")


def _write_columns(file: BinaryIO, columns: list[Any], delimiter: str) -> None:
    options = arrow_csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style="none")
    arrow_csv.write_csv(pa.table(columns, [f"column {n}" for n in range(len(columns))]), file, options)


def _write_rows(path: Path, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{header}\n")
        csv.writer(file, lineterminator="\n").writerows(rows)


def _movies(shape: Shape, truth: Truth) -> Iterator[tuple[object, ...]]:
    random = np.random.default_rng([shape.seed, 2])
    moods = random.integers(0, len(MOODS), shape.items).tolist()
    years = random.integers(1930, 2018, shape.items).tolist()
    for index, (cluster, mood, year) in enumerate(zip(truth.item_cluster.tolist(), moods, years, strict=True)):
        title = f"{MOODS[mood]} {_place(cluster)}, The: Part {index + 1} ({year})"
        yield index + 1, title, "|".join(dict.fromkeys((_genre(cluster), _genre(cluster * 7 + 3))))


def _links(shape: Shape) -> Iterator[tuple[object, ...]]:
    return ((item, FIRST_FOREIGN_ID + item, FIRST_FOREIGN_ID + item) for item in range(1, shape.items + 1))


def _tags(shape: Shape, truth: Truth, ratings: Ratings) -> Iterator[tuple[object, ...]]:
    """Users tag items that they rated, a minute later, with a word of the item's cluster."""
    random = np.random.default_rng([shape.seed, 3])
    rated = ratings[np.sort(random.integers(0, len(ratings), shape.tags))]
    clusters = truth.item_cluster[rated.item - 1].tolist()
    times = (rated.time_ms // 1000 + 60).tolist()
    for user, item, cluster, time_s in zip(rated.user.tolist(), rated.item.tolist(), clusters, times, strict=True):
        yield user, item, f"{_place(cluster)} story", time_s


def _place(cluster: int) -> str:
    """The word that titles and tags of a cluster share; numbered once the words are used up."""
    lap, place = divmod(cluster, len(PLACES))
    return PLACES[place] if lap == 0 else f"{PLACES[place]}{lap}"


def _genre(number: int) -> str:
    return GENRES[number % len(GENRES)]
