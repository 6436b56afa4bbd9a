"""The contract's benchmark measures every kind and every record, and nothing good is lost beside hostile ones."""

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from load.bench.contract import QUICK, measure
from load.bench.hostile import Hostile, hostile_events, hostile_items, hostile_requests
from load.bench.hostile_guidance import (
    Corpus,
    good_guidance,
    hostile_experiments,
    hostile_rules,
    hostile_vectors,
    hostile_versions,
    hostile_weights,
)
from load.datasets.dataset import load_dataset
from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic
from workers.control.shared_weights import decode_weights
from workers.control.versions import Versions
from workers.errors import BadRecordError
from workers.items.slots import vector_record
from workers.metrics import REQUEST_KINDS
from workers.records.event import decode_event
from workers.records.experiment import decode_experiment
from workers.records.item import Item
from workers.records.item_update import decode_item_event
from workers.records.request import decode_request
from workers.records.rules import decode_rules
from workers.topics import Topics

SMALL = Shape(users=20, items=60, ratings=600, tags=30)
MUST_BE_NONE = (
    "requests without an answer",
    "good events without effect",
    "good items that are not known",
    "hostile records neither refused nor ignored",
    "hostile records of followed topics that are not counted",
    "good rules, experiments and versions not in force",
    "requests without a reply, hostile ones too",
)
NOW_MS = 1_714_564_800_000


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_nothing_is_lost_beside_hostile_records_and_every_kind_is_answered(tmp_path: Path) -> None:
    write_synthetic(tmp_path, SMALL)
    figures = {one.name: one for one in await measure(load_dataset(tmp_path), QUICK, Console(quiet=True))}
    assert {name: figures[name].value for name in MUST_BE_NONE} == dict.fromkeys(MUST_BE_NONE, 0)
    assert all(f"{kind}, p99" in figures for kind in REQUEST_KINDS)


def test_hostile_events_say_nothing_usable() -> None:
    for record in hostile_events(10_000, seed=1):
        with pytest.raises(BadRecordError):
            decode_event(record.value, record.key, NOW_MS, headers=record.headers)


def test_hostile_items_describe_nothing_but_a_vector_of_the_wrong_length() -> None:
    for record in hostile_items(30_000, seed=1):
        try:
            item = decode_item_event(record.value, record.key, record.headers)
        except BadRecordError:
            continue
        assert isinstance(item, Item) and 0 < len(item.vector) < 256


GUIDANCE: dict[str, tuple[Corpus, Callable[[Hostile], object]]] = {
    "rules": (hostile_rules, lambda one: decode_rules(one.value, one.key)),
    "experiments": (hostile_experiments, lambda one: decode_experiment(one.value, one.key)),
    "weights": (hostile_weights, lambda one: decode_weights(one.value or b"")),
    "versions": (hostile_versions, lambda one: Versions().load(one.key, one.value)),
    "vectors": (hostile_vectors, lambda one: vector_record(one.key, one.value, 64)),
}


@pytest.mark.parametrize("kind", GUIDANCE)
def test_hostile_guidance_says_nothing_usable_and_heals_nothing(kind: str) -> None:
    corpus, decode = GUIDANCE[kind]
    for record in corpus(5_000, seed=1):
        assert record.key and record.value is not None
        with pytest.raises(BadRecordError) as refused:
            decode(record)
        assert len(str(refused.value)) < 1_000


def test_good_guidance_is_good() -> None:
    topics, versions = Topics(), Versions()
    good = good_guidance(topics)
    [rules], [experiment], [weights] = (
        good[topic] for topic in (topics.recommendation_rules, topics.experiments, topics.ranker_weights)
    )
    assert decode_rules(rules.value, rules.key)[1]
    assert decode_experiment(experiment.value, experiment.key)
    assert decode_weights(weights.value or b"").examples == 1
    for record in good[topics.item_vectors_versions]:
        versions.load(record.key, record.value)
    assert versions.active_slot() == "a"


def test_hostile_requests_cannot_be_answered() -> None:
    for record in hostile_requests(10_000, seed=1):
        try:
            asked = decode_request(record.value, record.key, NOW_MS, record.headers)
        except BadRecordError:
            continue
        assert asked.item_ids[0].startswith("never-")
