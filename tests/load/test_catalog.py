"""Movies as catalog items and users as profiles, in the wire format that the workers decode."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from load.datasets.catalog import read_items, read_profiles, split_title
from load.datasets.dataset import SHARED
from load.datasets.errors import DataFileError
from tests.load.folders import colon_folder, comma_folder, tab_folder
from workers.records.fields import MAX_TAGS
from workers.records.item import Item
from workers.records.item_update import decode_item_event


def items_by_id(folder: Path) -> dict[str, dict[str, Any]]:
    return {item["item_id"]: item for item in read_items(folder)}


def test_an_item_has_title_year_genres_links_and_tags(tmp_path: Path) -> None:
    item = items_by_id(comma_folder(tmp_path))["10"]
    assert item == {
        "item_id": "10",
        "title": "Toy Story",
        "category": "Adventure",
        "tags": ["Adventure", "Comedy", "pixar"],
        "attributes": {
            "year": 1995,
            "genres": ["Adventure", "Comedy"],
            "imdb_id": "tt0114709",
            "tmdb_id": "862",
            "user_tags": ["pixar", "comedy"],
            "user_tag_counts": [2, 1],
        },
    }


def test_what_a_movie_lacks_is_left_out(tmp_path: Path) -> None:
    items = items_by_id(comma_folder(tmp_path))
    assert "tmdb_id" not in items["20"]["attributes"]
    assert "category" not in items["40"]
    assert items["40"]["tags"] == []
    assert items["50"]["attributes"] == {"genres": ["Sci-Fi"]}


def test_quoted_titles_lose_only_their_year(tmp_path: Path) -> None:
    items = items_by_id(comma_folder(tmp_path, "\r\n"))
    assert items["20"]["title"] == "American President, The"
    assert items["30"]["title"] == "11'09\"01 - September 11"
    assert (items["40"]["title"], items["40"]["attributes"]["year"]) == ("Death Note: Desu nôto", 2006)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Fawlty Towers (1975-1979)", ("Fawlty Towers", 1975)),
        ("Still Running (2011–)", ("Still Running", 2011)),
        ("City, The (Cité, La) (1995)", ("City, The (Cité, La)", 1995)),
        ("2001: A Space Odyssey", ("2001: A Space Odyssey", None)),
        ("(1999)", ("(1999)", None)),
    ],
)
def test_the_year_is_the_last_parenthesis(title: str, expected: tuple[str, int | None]) -> None:
    assert split_title(title) == expected


def test_ml_1m_is_latin_1_and_its_users_are_decoded(tmp_path: Path) -> None:
    folder = colon_folder(tmp_path)
    items = items_by_id(folder)
    assert (items["10"]["title"], items["20"]["title"]) == ("Star Wars: Episode IV", "Misérables, Les")
    assert read_profiles(folder)[0] == {
        "event_id": "profile-1",
        "event_type": "profile",
        "user_id": "1",
        "attributes": {
            "gender": "F",
            "age_group": "under 18",
            "occupation": "K-12 student",
            "zip_code": "48067",
        },
    }


def test_ml_100k_flags_become_genres(tmp_path: Path) -> None:
    folder = tab_folder(tmp_path)
    items = items_by_id(folder)
    assert (items["10"]["tags"], items["20"]["tags"]) == (["Comedy"], [])
    assert read_profiles(folder)[1]["attributes"]["age"] == "53"


def test_releases_without_users_have_no_profiles(tmp_path: Path) -> None:
    assert read_profiles(comma_folder(tmp_path)) == []


def test_tags_beyond_the_bound_of_a_record_lose_the_least_applied(tmp_path: Path) -> None:
    tags = comma_folder(tmp_path) / "tags.csv"
    rows = [f"1,10,word {number},1139045764" for number in range(300)]
    tags.write_text("\n".join(["userId,movieId,tag,timestamp", *rows, "2,10,word 299,1139045764", ""]))
    item = items_by_id(tmp_path)["10"]
    assert len(item["tags"]) == MAX_TAGS
    assert item["attributes"]["user_tags"][0] == "word 299"
    assert isinstance(decode_item_event(orjson.dumps(item), None), Item)


def test_a_row_with_too_few_fields_is_named_with_its_line(tmp_path: Path) -> None:
    movies = comma_folder(tmp_path) / "movies.csv"
    movies.write_text("movieId,title,genres\n10,Toy Story (1995),Comedy\n20,Jumanji\n")
    with pytest.raises(DataFileError, match=r"movies\.csv, line 3: 2 fields, expected 3"):
        read_items(tmp_path)


def test_a_movie_file_with_another_header_is_refused(tmp_path: Path) -> None:
    movies = comma_folder(tmp_path) / "movies.csv"
    movies.write_text("id,name,genres\n10,Toy Story (1995),Comedy\n")
    with pytest.raises(DataFileError, match=r"movies\.csv, line 1: the header is 'id,name,genres'"):
        read_items(tmp_path)


def test_the_real_folder_keeps_every_tag_application_and_every_item_is_valid() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here; the layouts above cover the reader")
    items = read_items(SHARED)
    assert len(items) == 9_742
    assert sum(sum(item["attributes"].get("user_tag_counts", [])) for item in items) == 3_683
    assert sum("year" not in item["attributes"] for item in items) == 12
    assert all(isinstance(decode_item_event(orjson.dumps(item), None), Item) for item in items)
