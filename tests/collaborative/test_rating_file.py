"""A file of ratings counts like a stream of the same events; a file that is none changes nothing."""

from pathlib import Path

import numpy as np
import pytest

from workers.admin.vectors.rating_file import counts_of_file
from workers.admin.vectors.train import train, with_all
from workers.errors import ConfigurationError


def counted(tmp_path: Path, text: str) -> tuple[list[str], list[list[float]]]:
    file = tmp_path / "ratings.csv"
    file.write_text(text)
    counts = counts_of_file(file)
    return counts.item_ids, counts.matrix.times(np.eye(len(counts.item_ids), dtype=np.float32)).tolist()


def test_likes_count_after_what_came_before_them_in_time(tmp_path: Path) -> None:
    text = "userId,movieId,rating,timestamp\n1,b,5.0,20\n1,a,1.0,10\n2,b,3.0,30\n2,a,4.0,40\n"
    assert counted(tmp_path, text) == (["a", "b"], [[0, 1], [1, 0]])


def test_without_ratings_and_times_every_line_is_a_like_in_its_place(tmp_path: Path) -> None:
    assert counted(tmp_path, "item_id,user_id\n7,u\n007,u\n") == (["007", "7"], [[0, 1], [0, 0]])


@pytest.mark.parametrize(
    "text", ["", "user,what\n1,2\n", "user_id,item_id,rating\n1,2,five\n", "user_id,item_id,rating\n1,2\n"]
)
def test_a_file_that_is_no_log_of_ratings_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"ratings\.csv"):
        counted(tmp_path, text)


def test_a_missing_file_and_one_without_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        counts_of_file(tmp_path / "no.csv")
    (tmp_path / "one.csv").write_text("user,item\n1,a\n2,b\n")
    with pytest.raises(ConfigurationError, match="nothing to learn"):
        train(counts_of_file(tmp_path / "one.csv"), 8, seed=0)


def test_items_that_a_version_does_not_know_get_an_empty_vector(tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text("user,item\n1,a\n1,b\n")
    trained = with_all(train(counts_of_file(tmp_path / "two.csv"), 8, seed=0), ["c", "a"])
    assert trained.item_ids == ["a", "b", "c"]
    assert trained.vectors.any(axis=1).tolist() == [True, True, False]
