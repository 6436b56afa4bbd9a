"""Turns a MovieLens folder into catalog items and user profiles in the wire format (reads files only)."""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from load.datasets.layouts import COLONS, FLAGS, Layout, TextTable, detect
from load.datasets.small_files import read_rows
from workers.records.fields import MAX_LABEL_CHARS, MAX_TAGS

# The last parenthesis with a year, or with the span of a series: "Death Note (2006–2007)" began in 2006.
YEAR = re.compile(r"\s*\((\d{4})(?:[-–]\d{0,4})?\)\s*$")
NO_GENRES = {"(no genres listed)", "unknown", ""}

AGE_GROUPS = {
    **{"1": "under 18", "18": "18-24", "25": "25-34", "35": "35-44"},
    **{"45": "45-49", "50": "50-55", "56": "56 and over"},
}
OCCUPATIONS = (
    *("other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service"),
    *(
        "doctor/health care",
        "executive/managerial",
        "farmer",
        "homemaker",
        "K-12 student",
        "lawyer",
        "programmer",
    ),
    *(
        "retired",
        "sales/marketing",
        "scientist",
        "self-employed",
        "technician/engineer",
        "tradesman/craftsman",
    ),
    *("unemployed", "writer"),
)
OCCUPATION_OF_CODE = {str(code): name for code, name in enumerate(OCCUPATIONS)}


def read_items(folder: Path) -> list[dict[str, Any]]:
    """Every movie as an `item-catalog` record; a field that the release does not have is left out.

    `tags` are the genres as written, then the users' tags in lower case, most applied first; how often each
    was applied is in the attributes `user_tags` and `user_tag_counts`, which are parallel. Beyond the bound
    on a record's tags (ml-25m has such movies, ml-latest-small none) the least applied are left out.
    """
    layout = detect(folder)
    applied = _applied_tags(folder, layout)
    links = {row["item"]: row for row in _optional(folder, layout.links)}
    return [
        _item(row, applied.get(row["item"], Counter()), links.get(row["item"], {}))
        for row in read_rows(folder / layout.movies.file, layout.movies)
    ]


def read_profiles(folder: Path) -> list[dict[str, Any]]:
    """Every user whom the release describes (ml-1m, ml-100k) as a `profile` interaction without its time."""
    layout = detect(folder)
    return [
        {
            "event_id": f"profile-{row['user']}",
            "event_type": "profile",
            "user_id": row["user"],
            "attributes": _person(row, coded=layout is COLONS),
        }
        for row in _optional(folder, layout.users)
    ]


def split_title(title: str) -> tuple[str, int | None]:
    """Title and year of a MovieLens title.

    >>> split_title("Babe: Pig in the City (1998) ")
    ('Babe: Pig in the City', 1998)
    >>> split_title("Babylon 5")
    ('Babylon 5', None)
    """
    match = YEAR.search(title)
    if match is None or match.start() == 0:
        return title.strip(), None
    return title[: match.start()], int(match[1])


def _item(row: dict[str, str], applied: Counter[str], link: dict[str, str]) -> dict[str, Any]:
    title, year = split_title(row["title"])
    genres = _genres(row)
    same_as_genre = {genre.lower() for genre in genres}
    by_count = sorted(applied, key=lambda tag: (-applied[tag], tag))[: MAX_TAGS - len(genres)]
    attributes = {
        "year": year,
        "genres": genres,
        "imdb_id": f"tt{link['imdb']}" if link.get("imdb") else None,
        "tmdb_id": link.get("tmdb") or None,
        "user_tags": by_count or None,
        "user_tag_counts": [applied[tag] for tag in by_count] or None,
    }
    item = {
        "item_id": row["item"],
        "title": title,
        "category": genres[0] if genres else None,
        "tags": genres + [tag for tag in by_count if tag not in same_as_genre],
        "attributes": {name: value for name, value in attributes.items() if value is not None},
    }
    return {name: value for name, value in item.items() if value is not None}


def _genres(row: dict[str, str]) -> list[str]:
    listed = row["genres"].split("|") if "genres" in row else [flag for flag in FLAGS if row[flag] == "1"]
    return [genre for genre in listed if genre not in NO_GENRES]


def _applied_tags(folder: Path, layout: Layout) -> dict[str, Counter[str]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in _optional(folder, layout.tags):
        counts[row["item"]][" ".join(row["tag"].lower().split())[:MAX_LABEL_CHARS]] += 1
    return counts


def _optional(folder: Path, table: TextTable | None) -> list[dict[str, str]]:
    if table is None or not (folder / table.file).is_file():
        return []
    return list(read_rows(folder / table.file, table))


def _person(row: dict[str, str], coded: bool) -> dict[str, str]:
    """ml-1m codes ages and occupations, ml-100k spells them out; an unknown code stays as it is."""
    age, occupation = row["age"], row["occupation"]
    age_field = {"age_group": AGE_GROUPS.get(age, age)} if coded else {"age": age}
    return {
        "gender": row["gender"],
        **age_field,
        "occupation": OCCUPATION_OF_CODE.get(occupation, occupation) if coded else occupation,
        "zip_code": row["zip"],
    }
