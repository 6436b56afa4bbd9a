"""Invented data: the files read back, and the built-in answers are there to be found."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from load.datasets.catalog import read_items
from load.datasets.movielens import read_ratings
from load.datasets.synthetic import Shape, make_ratings, make_truth
from load.datasets.synthetic_files import read_truth, write_colon_ratings, write_synthetic
from workers.records.item import Item
from workers.records.item_update import decode_item_event

SMALL = Shape(users=80, items=400, ratings=4_000, tags=120, clusters=5, seed=3)


def test_the_files_read_back_as_what_was_made(tmp_path: Path) -> None:
    truth = write_synthetic(tmp_path, SMALL)
    made, read = make_ratings(SMALL, truth), read_ratings(tmp_path)
    for name in ("user", "item", "value", "time_ms"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
    assert len(read) == SMALL.ratings
    np.testing.assert_array_equal(read_truth(tmp_path).user_clusters, truth.user_clusters)


def test_one_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_synthetic(tmp_path / name, Shape(users=80, items=400, ratings=4_000, tags=120, clusters=5, seed=seed))
    contents = {name: (tmp_path / name / "ratings.csv").read_bytes() for name in "abc"}
    assert contents["a"] == contents["b"] != contents["c"]


def test_no_user_rates_an_item_twice_and_times_ascend_for_each_user() -> None:
    ratings = make_ratings(SMALL, make_truth(SMALL))
    assert len(set(zip(ratings.user.tolist(), ratings.item.tolist(), strict=True))) == len(ratings)
    same_user = ratings.user[1:] == ratings.user[:-1]
    assert (np.diff(ratings.time_ms)[same_user] > 0).all()


def test_users_rate_their_own_clusters_high_and_strays_low() -> None:
    truth = make_truth(SMALL)
    ratings = make_ratings(SMALL, truth)
    own = (truth.user_clusters[ratings.user - 1] == truth.item_cluster[ratings.item - 1][:, None]).any(axis=1)
    assert own.mean() > 0.8
    assert ratings.value[own].mean() > 4.0 > 2.5 > ratings.value[~own].mean()


def test_items_are_followed_by_their_successor_more_than_by_any_other() -> None:
    truth = make_truth(SMALL)
    ratings = make_ratings(SMALL, truth)
    same_user = ratings.user[1:] == ratings.user[:-1]
    before, after = ratings.item[:-1][same_user], ratings.item[1:][same_user]
    followed, reverse = truth.successor[before - 1] == after, truth.successor[after - 1] == before
    assert followed.mean() > 0.2 > 10 * reverse.mean()


def test_a_successor_stays_in_its_cluster_and_circles_through_all_of_it() -> None:
    truth = make_truth(SMALL)
    np.testing.assert_array_equal(truth.item_cluster[truth.successor - 1], truth.item_cluster)
    item, visited = 1, set()
    while item not in visited:
        visited.add(item)
        item = int(truth.successor[item - 1])
    assert len(visited) == (truth.item_cluster == truth.item_cluster[0]).sum()


def test_popularity_is_skewed_as_by_zipf() -> None:
    shape = Shape(users=1_000, items=1_000, ratings=50_000, clusters=5)
    counts = np.sort(np.bincount(make_ratings(shape, make_truth(shape)).item))[::-1]
    assert counts[:100].sum() > 3 * counts[500:600].sum()


def test_items_have_words_of_their_cluster_and_are_valid_records(tmp_path: Path) -> None:
    truth = write_synthetic(tmp_path, SMALL)
    items = read_items(tmp_path)
    assert all(isinstance(decode_item_event(orjson.dumps(item), None), Item) for item in items)
    categories = {(int(truth.item_cluster[int(item["item_id"]) - 1]), item["category"]) for item in items}
    assert len(categories) == SMALL.clusters
    assert sum(sum(item["attributes"].get("user_tag_counts", [])) for item in items) == SMALL.tags


def test_the_colon_format_reads_back(tmp_path: Path) -> None:
    ratings = make_ratings(SMALL, make_truth(SMALL))
    write_colon_ratings(tmp_path, ratings)
    (tmp_path / "movies.dat").touch()
    read = read_ratings(tmp_path)
    np.testing.assert_array_equal(read.item, ratings.item)
    np.testing.assert_array_equal(read.value, np.ceil(ratings.value))


def test_shapes_that_can_not_be_are_refused() -> None:
    with pytest.raises(ValueError, match="can't fill"):
        make_truth(Shape(items=5, clusters=20))
    dense = Shape(users=5, items=20, ratings=101, clusters=2)
    with pytest.raises(ValueError, match="don't fit"):
        make_ratings(dense, make_truth(dense))
