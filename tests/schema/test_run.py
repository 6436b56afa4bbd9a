"""The mapping file that a detection writes."""

from pathlib import Path

import orjson

from workers.records.mapping import Mapping, load_mapping
from workers.schema.detect import detect
from workers.schema.found import Sampled
from workers.schema.run import likelier, write_mapping

EVENT = {"customer": "u1", "sku": "a", "action": "ITEM_VIEWED", "ts": 1_714_564_800}
ITEM = {"sku": "a", "productName": "Lamp", "salePrice": 9.5}


def sampled(*bodies: dict[str, object]) -> list[Sampled]:
    return [Sampled(orjson.dumps(body)) for body in bodies]


def test_records_are_taken_for_what_more_of_them_can_be() -> None:
    assert likelier(sampled(EVENT)).kind == "interaction"
    assert likelier(sampled(ITEM)).kind == "item"


def test_two_topics_share_one_file(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    assert "wrote" in write_mapping(file, detect(sampled(EVENT), "interaction"))
    assert "wrote" in write_mapping(file, detect(sampled(ITEM), "item"))
    mappings = load_mapping(file)
    assert mappings.interaction.fields["customer"] == "user_id"
    assert mappings.item.fields["productName"] == "title"


def test_nothing_is_written_where_nothing_was_found(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    known = sampled({"event_type": "view", "user_id": "u", "item_id": "i"})
    assert "understood without a mapping" in write_mapping(file, detect(known, "interaction"))
    assert "no fields were recognised" in write_mapping(file, detect(sampled({"x": 1}), "interaction"))
    assert not file.exists()
    assert detect(known, "interaction").mapping == Mapping()
