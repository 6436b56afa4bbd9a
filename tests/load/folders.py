"""Small MovieLens folders in every layout, the same four ratings in each."""

from pathlib import Path

import numpy as np

from load.datasets.dataset import Dataset
from load.datasets.ratings import Ratings

RATINGS = [(1, 10, 4.0, 964982703), (1, 20, 3.0, 964981247), (2, 10, 5.0, 964982224), (2, 30, 1.0, 964983815)]


def comma_folder(folder: Path, line_end: str = "\n") -> Path:
    """As ml-latest-small; quoted titles, a series, a movie without year, genres, links or ratings."""
    ratings = [f"{user},{item},{value},{time}" for user, item, value, time in RATINGS]
    movies = [
        "10,Toy Story (1995),Adventure|Comedy",
        '20,"American President, The (1995) ",Comedy',
        '30,"11\'09""01 - September 11 (2002)",Drama',
        "40,Death Note: Desu nôto (2006–2007),(no genres listed)",
        "50,Babylon 5,Sci-Fi",
    ]
    tags = [
        "1,10,Pixar,1139045764",
        "2,10,pixar ,1139045765",
        "2,10,comedy,1139045766",
        "1,20,witty  talk,1139045767",
    ]
    links = ["10,0114709,862", "20,0112346,", "30,0328802,1926", "40,0877057,13916"]
    folder.mkdir(parents=True, exist_ok=True)
    for name, header, rows in (
        ("ratings.csv", "userId,movieId,rating,timestamp", ratings),
        ("movies.csv", "movieId,title,genres", movies),
        ("tags.csv", "userId,movieId,tag,timestamp", tags),
        ("links.csv", "movieId,imdbId,tmdbId", links),
    ):
        (folder / name).write_text(line_end.join([header, *rows, ""]), encoding="utf-8", newline="")
    return folder


def colon_folder(folder: Path) -> Path:
    """As ml-1m: Latin-1, coded ages and occupations."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{user}::{item}::{value:.0f}::{time}" for user, item, value, time in RATINGS]
    (folder / "ratings.dat").write_text("\n".join([*rows, ""]))
    movies = ["10::Star Wars: Episode IV (1977)::Action|Sci-Fi", "20::Misérables, Les (1995)::Drama"]
    (folder / "movies.dat").write_bytes("\n".join([*movies, ""]).encode("latin-1"))
    (folder / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n")
    return folder


def tab_folder(folder: Path) -> Path:
    """As ml-100k: genres as flags."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{user}\t{item}\t{value:.0f}\t{time}" for user, item, value, time in RATINGS]
    (folder / "u.data").write_text("\n".join([*rows, ""]))
    comedy, unknown = ["0"] * 19, ["1"] + ["0"] * 18
    comedy[5] = "1"
    movies = [
        "|".join(["10", "Toy Story (1995)", "01-Jan-1995", "", "http://x", *comedy]),
        "|".join(["20", "unknown", "", "", "", *unknown]),
    ]
    (folder / "u.item").write_bytes("\n".join([*movies, ""]).encode("latin-1"))
    (folder / "u.user").write_text("1|24|M|technician|85711\n2|53|F|other|94043\n")
    return folder


def dataset_of(users: int, per_user: int, items: int = 3) -> Dataset:
    """Every user rates `per_user` different items, one event a second over all users."""
    count = users * per_user
    numbers = np.arange(count)
    ratings = Ratings(
        numbers % users + 1,
        numbers // users + 1,
        np.full(count, 4.0, np.float32),
        1_000_000_000_000 + numbers * 1000,
    )
    catalog = [{"item_id": str(item), "title": f"Item {item}"} for item in range(1, items + 1)]
    return Dataset("builder", catalog, [], ratings)
