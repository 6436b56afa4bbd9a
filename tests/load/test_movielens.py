"""Ratings of every layout as columns; broken files are named with their line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.datasets.dataset import SHARED
from load.datasets.errors import DataFileError
from load.datasets.faults import first_fault, row_fault
from load.datasets.layouts import COLONS, COMMA
from load.datasets.movielens import read_ratings, stream_ratings
from load.datasets.ratings import Ratings, concatenate
from load.datasets.synthetic_files import write_colon_ratings, write_comma_ratings
from tests.load.folders import RATINGS, colon_folder, comma_folder, tab_folder

LAYOUTS = pytest.mark.parametrize("make", [comma_folder, colon_folder, tab_folder])


def rows_of(ratings: Ratings) -> list[tuple[int, int, float, int]]:
    columns = (ratings.user, ratings.item, ratings.value, ratings.time_ms // 1000)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def assert_same(left: Ratings, right: Ratings) -> None:
    for name in ("user", "item", "value", "time_ms"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


@LAYOUTS
def test_every_layout_gives_the_same_ratings_in_file_order(make: Callable[[Path], Path], tmp_path: Path) -> None:
    ratings = read_ratings(make(tmp_path))
    assert rows_of(ratings) == RATINGS
    types = [column.dtype for column in (ratings.user, ratings.item, ratings.value, ratings.time_ms)]
    assert types == [np.int64, np.int64, np.float32, np.int64]


def test_windows_line_ends_read_as_unix_ones(tmp_path: Path) -> None:
    assert rows_of(read_ratings(comma_folder(tmp_path, "\r\n"))) == RATINGS


def test_time_order_keeps_file_order_within_one_instant() -> None:
    ratings = Ratings(np.arange(4), np.arange(4), np.ones(4, np.float32), np.array([5, 3, 5, 3]))
    assert ratings.in_time_order().user.tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("write, movies", [(write_comma_ratings, "movies.csv"), (write_colon_ratings, "movies.dat")])
def test_a_stream_of_small_blocks_equals_the_whole(
    write: Callable[[Path, Ratings], None], movies: str, tmp_path: Path
) -> None:
    random = np.random.default_rng(7)
    count = 5_000
    ratings = Ratings(
        random.integers(1, 1000, count),
        random.integers(1, 1000, count),
        random.integers(1, 6, count).astype(np.float32),
        random.integers(1, 1_500_000_000, count) * 1000,
    )
    write(tmp_path, ratings)
    (tmp_path / movies).touch()
    blocks = list(stream_ratings(tmp_path, block_bytes=4096))
    assert max(len(block) for block in blocks) < 400
    assert_same(concatenate(blocks), ratings)
    assert_same(read_ratings(tmp_path), ratings)


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("3,10,4.0", "3 fields"),
        ("3,10,4.0,5,6", "5 fields"),
        ("3,x,4.0,964982703", "the item is 'x'"),
        (",10,4.0,964982703", "the user is ''"),
        ("3,10,nan,964982703", "the rating is 'nan'"),
        ("3,10,5.5,964982703", "the rating is '5.5'"),
        ("3,10,,964982703", "the rating is ''"),
        ("3,10,4.0,964982703000", "expected epoch seconds"),
        ("3,10,4.0,-1", "expected epoch seconds"),
    ],
)
def test_a_broken_row_is_named_with_file_and_line(broken: str, fault: str, tmp_path: Path) -> None:
    path = comma_folder(tmp_path) / "ratings.csv"
    path.write_text(f"{path.read_text()}{broken}\n1,50,4.0,964982703\n")
    for read in (read_ratings, lambda folder: list(stream_ratings(folder))):
        with pytest.raises(DataFileError) as caught:
            read(tmp_path)
        assert f"{path}, line 6: " in str(caught.value)
        assert fault in str(caught.value)


def test_text_in_the_gap_of_a_double_colon_is_a_fault_not_ignored(tmp_path: Path) -> None:
    path = colon_folder(tmp_path) / "ratings.dat"
    path.write_text("1::10::4::964982703\n1:7:10::4::964982703\n")
    with pytest.raises(DataFileError, match="line 2"):
        read_ratings(tmp_path)


def test_an_empty_file_and_a_wrong_header_are_refused(tmp_path: Path) -> None:
    path = comma_folder(tmp_path) / "ratings.csv"
    for text in ("", "user,movie,rating,time\n1,10,4.0,5\n"):
        path.write_text(text)
        with pytest.raises(DataFileError, match="line 1: the header is"):
            read_ratings(tmp_path)


def test_folders_without_ratings_or_movies_say_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="holds no ratings"):
        read_ratings(tmp_path)
    with pytest.raises(DataFileError, match="is not a folder"):
        read_ratings(tmp_path / "absent")
    (comma_folder(tmp_path) / "movies.csv").unlink()
    with pytest.raises(DataFileError, match=r"no movies\.csv"):
        read_ratings(tmp_path)


stars = st.integers(1, 10).map(lambda half: half / 2)
ids = st.integers(1, 2**53)
rating_rows = st.lists(st.tuples(ids, ids, stars, st.integers(0, 4_000_000_000)), min_size=1, max_size=30)


@given(rating_rows)
def test_what_is_written_is_read_and_has_no_fault(rows: list[tuple[int, int, float, int]]) -> None:
    for line in (",".join(map(str, row)) for row in rows):
        assert row_fault(line, COMMA.ratings) is None


@given(rows=rating_rows)
def test_any_ratings_survive_the_round_trip(
    rows: list[tuple[int, int, float, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ratings")
    user, item, value, time_s = (np.array(column) for column in zip(*rows, strict=True))
    ratings = Ratings(user, item, value.astype(np.float32), time_s * 1000)
    write_comma_ratings(folder, ratings)
    (folder / "movies.csv").touch()
    assert_same(read_ratings(folder), ratings)


@given(st.text(st.sampled_from("0123456789:.-x \t"), max_size=24))
def test_a_row_that_the_reader_refuses_has_a_located_fault(tmp_path_factory: pytest.TempPathFactory, row: str) -> None:
    folder = tmp_path_factory.mktemp("ratings")
    (folder / "movies.dat").touch()
    path = folder / "ratings.dat"
    path.write_text(f"1::10::4::964982703\n{row}\n1::20::4::964982703\n")
    try:
        accepted = len(read_ratings(folder))
    except DataFileError:
        fault = first_fault(path, COLONS.ratings)
        assert fault is not None
        assert fault.line == 2
    else:
        assert accepted == 3 - (not row)


def test_the_real_folder_has_its_published_size() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here; the layouts above cover the reader")
    ratings = read_ratings(SHARED)
    assert (len(ratings), len(np.unique(ratings.user)), len(np.unique(ratings.item))) == (100_836, 610, 9_724)
    assert (int(ratings.time_ms.min()), int(ratings.time_ms.max())) == (828_124_615_000, 1_537_799_250_000)
