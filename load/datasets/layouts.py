"""How the MovieLens releases lay out their files, and which layout a folder has."""

from dataclasses import dataclass
from pathlib import Path

from load.datasets.errors import DataFileError


@dataclass(frozen=True, slots=True)
class TextTable:
    """One text file with a row per line; `header` is the exact first line, empty if rows start at once."""

    file: str
    separator: str
    columns: tuple[str, ...]
    header: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one release; every release has ratings and movies, the rest is optional."""

    ratings: TextTable
    movies: TextTable
    tags: TextTable | None = None
    links: TextTable | None = None
    users: TextTable | None = None


RATING = ("user", "item", "value", "time")
MOVIE = ("item", "title", "genres")
TAG = ("user", "item", "tag", "time")

# ml-latest-small, ml-latest, ml-20m, ml-25m, ml-32m
COMMA = Layout(
    ratings=TextTable("ratings.csv", ",", RATING, "userId,movieId,rating,timestamp"),
    movies=TextTable("movies.csv", ",", MOVIE, "movieId,title,genres"),
    tags=TextTable("tags.csv", ",", TAG, "userId,movieId,tag,timestamp"),
    links=TextTable("links.csv", ",", ("item", "imdb", "tmdb"), "movieId,imdbId,tmdbId"),
)
# ml-1m (with users) and ml-10m (with tags)
COLONS = Layout(
    ratings=TextTable("ratings.dat", "::", RATING),
    movies=TextTable("movies.dat", "::", MOVIE),
    tags=TextTable("tags.dat", "::", TAG),
    users=TextTable("users.dat", "::", ("user", "gender", "age", "occupation", "zip")),
)
# ml-100k: one 0/1 column per genre, in the order of u.genre
FLAGS = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *(
        "Fantasy",
        "Film-Noir",
        "Horror",
        "Musical",
        "Mystery",
        "Romance",
        "Sci-Fi",
        "Thriller",
        "War",
        "Western",
    ),
)
TABS = Layout(
    ratings=TextTable("u.data", "\t", RATING),
    movies=TextTable("u.item", "|", ("item", "title", "released", "video_released", "imdb_url", *FLAGS)),
    users=TextTable("u.user", "|", ("user", "age", "gender", "occupation", "zip")),
)

LAYOUTS = (COMMA, COLONS, TABS)


def detect(folder: Path) -> Layout:
    """The layout of the MovieLens release in `folder`; raises DataFileError if there is none."""
    if not folder.is_dir():
        raise DataFileError(f"{folder} is not a folder; give the folder of an unzipped MovieLens release")
    for layout in LAYOUTS:
        if (folder / layout.ratings.file).is_file():
            if not (folder / layout.movies.file).is_file():
                raise DataFileError(f"{folder} has {layout.ratings.file} but no {layout.movies.file}; both are needed")
            return layout
    known = ", ".join(layout.ratings.file for layout in LAYOUTS)
    raise DataFileError(f"{folder} holds no ratings (looked for {known}); give an unzipped MovieLens release")
