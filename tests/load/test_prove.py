"""The proof that faults change nothing: its log holds what it says, and a short run of all of its parts."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from load.datasets.dataset import Dataset, load_dataset
from load.datasets.ratings import Ratings
from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic
from load.faults.prove import Plan, prove
from load.faults.prove_bound import in_another_order
from load.faults.prove_log import catalog_of, log_of
from models.state.control import Bound
from tests.models.builders import evidence
from workers.stream.partitioning import partition_of

PARTITIONS = 8


class Told:
    """A record of the log of evidence, in partition 0."""

    topic, partition, timestamp, key, headers = "item-transitions", 0, 0, None, ()

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value = offset, value


def rated(size: int) -> Dataset:
    rng = np.random.default_rng(3)
    users, items = rng.integers(1, 50, size), np.arange(size)
    ratings = Ratings(users, items, np.full(size, 4.0, np.float32), np.arange(size) * 1_000)
    return Dataset("rated", [{"item_id": "1", "title": "T"}], [{"user_id": "1", "event_type": "profile"}], ratings)


def bodies(dataset: Dataset) -> list[tuple[str, dict[str, Any]]]:
    readable = ((key, value) for key, value in log_of(dataset, PARTITIONS) if value.endswith(b"}"))
    return [(key, orjson.loads(value)) for key, value in readable]


def test_the_log_holds_every_rating_and_some_of_them_late_or_twice() -> None:
    dataset = rated(20_000)
    ids = [body["item_id"] for _, body in bodies(dataset) if body.get("event_id", "").count("-") == 2]
    assert set(ids) == {str(n) for n in range(20_000)}
    assert len(ids) - len(set(ids)) == pytest.approx(200, rel=0.3)
    firsts = list(dict.fromkeys(map(int, ids)))
    late = sum(at < before for before, at in zip(np.maximum.accumulate(firsts)[:-1], firsts[1:], strict=True))
    assert late == pytest.approx(400, rel=0.3)


def test_the_log_holds_people_of_all_kinds_and_is_the_same_each_time() -> None:
    dataset = rated(20_000)
    kinds = Counter(body["event_type"] for _, body in bodies(dataset))
    assert min(kinds["erase"], kinds["identify"], kinds["view"]) > 0
    named = ((key, body["user_id"]) for key, body in bodies(dataset) if "anonymous_id" not in body)
    astray = {user for key, user in named if partition_of(key, PARTITIONS) != partition_of(user, PARTITIONS)}
    assert astray and all(user.startswith("stray") for user in astray)
    assert log_of(dataset, PARTITIONS) == log_of(dataset, PARTITIONS)
    assert len(catalog_of(dataset)) > 200


def test_another_interleaving_keeps_the_order_of_each_user_partition_and_all_up_to_the_bound() -> None:
    pieces = [evidence(n // 2, partition=n % 2).pack() for n in range(6)]
    records = [Told(n, value) for n, value in enumerate([*pieces[:2], Bound(200).pack(), *pieces[2:]])]
    assert [one.offset for one in in_another_order(records)] == [0, 1, 2, 3, 5, 4, 6]


@pytest.mark.timeout(400)
async def test_a_short_proof_holds_in_all_parts(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "data", Shape(users=60, items=300, ratings=3_000, tags=60))
    plan = Plan(kills=3, sample=400, max_pairs=2_000, least_cuts=0)
    proofs = await prove(load_dataset(tmp_path / "data"), plan, tmp_path, lambda line: None)
    assert len(proofs) == 8
    assert all(proof.holds for proof in proofs), [proof for proof in proofs if not proof.holds]
    assert all(proof.rows > 0 for proof in proofs)
