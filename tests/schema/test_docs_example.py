"""The mapping that the documentation shows is what is found in records of that shape."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.records.test_topics_page import example
from workers.admin.schema.detect import detect
from workers.admin.schema.found import Sampled
from workers.admin.schema.run import is_usable, likelier, write_mapping
from workers.records.mapping import Mappings, RecordKind, load_mapping, save_mapping

DOCUMENTED: dict[str, Any] = orjson.loads(example("mapping"))


def of_shape(kind: str, number: int) -> dict[str, Any]:
    """A record that has something fitting at each path of the documented mapping, and things of no meaning."""
    names = list(DOCUMENTED[kind].get("events", ()))
    fitting = {
        "user_id": f"c{number % 7}",
        "items": f"sku-{number % 11}",
        "item_id": f"sku-{number}",
        "title": f"Blue lamp {number}",
        "event_time": 1_714_564_800 + number,
        "event_type": names[number % len(names)] if names else "",
    }
    body: dict[str, Any] = {"channel": "web", "dept": {"name": f"Dept {number % 3}"}, "v": 2}
    for path, field in DOCUMENTED[kind]["fields"].items():
        put(body, path.split("."), fitting[field])
    return body


def put(body: dict[str, Any], path: list[str], value: Any) -> None:
    name, rest = path[0], path[1:]
    if name.endswith("[]"):
        element: dict[str, Any] = {"qty": 1}
        put(element, rest, value)
        body[name[:-2]] = [element]
    elif rest:
        put(body.setdefault(name, {"locale": "nl"}), rest, value)
    else:
        body[name] = value


def sampled(kind: str, count: int, key: bytes | None = None) -> list[Sampled]:
    return [Sampled(orjson.dumps(of_shape(kind, number)), key) for number in range(count)]


@pytest.mark.parametrize("count", [2, 12, 300])
def test_the_documented_events_are_found_whole(count: int) -> None:
    found = detect(sampled("interaction", count), "interaction")
    assert found.mapping.fields == DOCUMENTED["interaction"]["fields"]
    assert found.mapping.events == DOCUMENTED["interaction"]["events"]
    assert (found.before, found.after, found.missing) == (0.0, 1.0, ())


@pytest.mark.parametrize("count", [1, 12, 300])
def test_the_documented_items_are_found_whole_and_a_departments_name_is_no_title(count: int) -> None:
    found = detect(sampled("item", count), "item")
    assert found.mapping.fields == {**DOCUMENTED["item"]["fields"], "dept.name": "category"}
    assert found.after == 1.0


@pytest.mark.parametrize("kind", ["interaction", "item"])
@pytest.mark.parametrize("key", [None, b"k1"])
def test_their_kind_is_recognised_and_the_written_file_reads_them(
    kind: RecordKind, key: bytes | None, tmp_path: Path
) -> None:
    found = likelier(sampled(kind, 30, key))
    assert (found.kind, is_usable(found)) == (kind, True)
    assert "start the worker with" in write_mapping(tmp_path / "m.json", found)
    save_mapping(tmp_path / "n.json", Mappings(**{kind: found.mapping}))
    assert load_mapping(tmp_path / "m.json") == load_mapping(tmp_path / "n.json")
