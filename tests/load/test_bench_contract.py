"""The contract's benchmark measures every kind and every record, and nothing good is lost beside hostile ones."""

from pathlib import Path

import pytest
from rich.console import Console

from load.bench_contract import QUICK, measure
from load.dataset import load_dataset
from load.hostile import hostile_events, hostile_items, hostile_requests
from load.synthetic import Shape
from load.synthetic_files import write_synthetic
from workers.errors import BadRecordError
from workers.metrics import REQUEST_KINDS
from workers.records.event import decode_event
from workers.records.item import Item
from workers.records.item_update import decode_item_event
from workers.records.request import decode_request

SMALL = Shape(users=20, items=60, ratings=600, tags=30)
MUST_BE_NONE = (
    "requests without an answer",
    "good events without effect",
    "good items that are not known",
    "hostile records neither refused nor ignored",
    "requests without a reply, hostile ones too",
)
NOW_MS = 1_714_564_800_000


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


def test_hostile_requests_cannot_be_answered() -> None:
    for record in hostile_requests(10_000, seed=1):
        try:
            asked = decode_request(record.value, record.key, NOW_MS, record.headers)
        except BadRecordError:
            continue
        assert asked.item_ids[0].startswith("never-")
