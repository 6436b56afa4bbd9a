"""Mapping files: a topic's own names on top of the built-in ones."""

from pathlib import Path

import pytest

from tests.records.builders import NOW_MS, encoded
from workers.errors import ConfigurationError
from workers.records.event import decode_event
from workers.records.interaction import Interaction, decode_interaction
from workers.records.item import Item
from workers.records.item_update import decode_item_event
from workers.records.mapping import Mapping, Mappings, load_mapping, save_mapping


def test_paths_go_through_objects_and_lists() -> None:
    mapping = Mapping(
        {"who.key": "user_id", "basket.lines[].sku": "items", "what": "event_type"}, {"BOUGHT": "purchase"}
    )
    body = {"what": "BOUGHT", "who": {"key": 7}, "basket": {"lines": [{"sku": "a"}, {"sku": "b"}]}}
    event = decode_interaction(encoded(body), None, NOW_MS, mapping=mapping)
    assert (event.event_type, event.subject, event.item_ids) == ("purchase", "7", ("a", "b"))


def test_a_path_wins_over_an_alias_and_an_absent_one_leaves_it() -> None:
    mapping = Mapping({"sku": "item_id"})
    body = {"event_type": "view", "user_id": "u1", "item_id": "row 17", "sku": "a"}
    assert decode_interaction(encoded(body), None, NOW_MS, mapping=mapping).item_id == "a"
    assert decode_interaction(encoded(body | {"sku": None}), None, NOW_MS, mapping=mapping).item_id == "row 17"


def test_a_mapped_path_may_lie_in_another_systems_shape() -> None:
    track = {"type": "track", "event": "Product Viewed", "userId": "u1", "properties": {"sku": "a"}}
    event = decode_event(encoded(track), None, NOW_MS, mapping=Mapping({"properties.sku": "item_id"}))
    assert isinstance(event, Interaction)
    assert event.item_ids == ("a",)


def test_an_event_name_may_be_mapped_alone() -> None:
    body = encoded({"event_type": "PDP", "user_id": "u1", "item_id": "a"})
    assert decode_interaction(body, None, NOW_MS, mapping=Mapping(events={"PDP": "view"})).event_type == "view"


@pytest.mark.parametrize("body", [{"who": 5}, {"who": []}, {"who": {"key": {}}}, {"basket": {"lines": {}}}])
def test_a_path_that_leads_nowhere_is_no_error_by_itself(body: dict[str, object]) -> None:
    mapping = Mapping({"who.key.id": "session_id", "basket.lines[].sku": "items"})
    whole = encoded({"event_type": "view", "user_id": "u1", "item_id": "a", **body})
    assert decode_interaction(whole, None, NOW_MS, mapping=mapping).item_ids == ("a",)


def test_items_are_mapped_too() -> None:
    item = decode_item_event(
        encoded({"sku": 7, "label": "Heat"}), None, mapping=Mapping({"sku": "item_id", "label": "title"})
    )
    assert isinstance(item, Item)
    assert (item.item_id, item.title) == ("7", "Heat")


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    mappings = Mappings(Mapping({"ключ.☃": "user_id"}, {'say "seen"': "view"}), Mapping({"sku": "item_id"}))
    save_mapping(tmp_path / "m.json", mappings)
    assert load_mapping(tmp_path / "m.json") == mappings


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "the file"),
        ('{"interactions": {}}', "interactions"),
        ('{"interaction": {"fields": {"a": 5}}}', "interaction.fields.a"),
        ('{"interaction": {"fields": {"a": "colour"}}}', "colour"),
        ('{"interaction": {"events": {"a": "teleport"}}}', "teleport"),
        ('{"item": {"fields": {"a": "user_id"}}}', "user_id"),
    ],
)
def test_a_bad_file_is_named_with_its_entry(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "mapping.json"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=named) as refused:
        load_mapping(file)
    assert "mapping.json" in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        load_mapping(tmp_path / "nowhere.json")
