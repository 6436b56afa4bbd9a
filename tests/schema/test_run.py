"""The mapping file that a detection writes."""

from pathlib import Path

import orjson

from workers.admin.schema.detect import detect
from workers.admin.schema.found import Sampled
from workers.admin.schema.run import likelier, write_mapping
from workers.records.mapping import Mapping, load_mapping
from workers.runtime.source_mapping import settings_mapping
from workers.settings import load_settings

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
    assert "without a mapping 100.0%" in write_mapping(file, detect(known, "interaction"))
    assert "too few records are understood" in write_mapping(file, detect(sampled({"x": 1}), "interaction"))
    assert not file.exists()
    assert detect(known, "interaction").mapping == Mapping()


def test_a_proposed_scale_is_written_and_what_the_file_said_stays(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text('{"interaction": {"rating_scale": "percent", "ignored_events": ["tick"]}}')
    given = settings_mapping(load_settings(ignored_events="heartbeat", rating_scale="1-5"))
    write_mapping(file, detect(sampled(EVENT), "interaction", given))
    kept = load_mapping(file).interaction
    assert (kept.scale.text, kept.ignored.own) == ("0..100", ("tick",))
    rated = [{"who": "u1", "sku": "a", "action": "RATED", "stars": value} for value in (2, 7, 10)]
    write_mapping(file, detect(sampled(*rated), "interaction", given))
    assert load_mapping(file).interaction.scale.text == "1..10"


def test_records_with_a_person_and_an_event_of_unknown_names_are_no_items() -> None:
    assert likelier(sampled({"customer": "u1", "sku": "a", "action": "ZXC"})).kind == "interaction"
