"""What is found in the sample of an existing topic."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from load.bench.record_samples import CLOUD_EVENT_HEADERS, FOREIGN, ISO, ITEMS, NOW_MS, OWN
from workers.admin.schema.detect import detect
from workers.admin.schema.found import Detection, FoundEvent, FoundField, Sampled
from workers.records.event import decode_event
from workers.records.interaction import Interaction
from workers.records.mapping import Mapping, Mappings, RecordKind, load_mapping, save_mapping


def found_in(*bodies: dict[str, Any], kind: RecordKind = "interaction") -> Detection:
    return detect([Sampled(orjson.dumps(body)) for body in bodies], kind)


def shop_event(number: int, **changes: Any) -> dict[str, Any]:
    """A shop's own format, that no alias knows."""
    body = {
        "meta": {"eventUuid": f"e{number}", "occurredAt": ISO},
        "actor": {"customerId": f"u{number % 7}"},
        "action": "PDP_VIEWED" if number % 3 else "ORDER_PLACED",
        "product": {"sku": f"i{number % 5}", "name": "Lamp"},
    }
    return body | changes


def test_a_shops_own_format_is_mapped_and_then_understood() -> None:
    found = found_in(*(shop_event(number) for number in range(30)))
    assert found.mapping.fields == {
        "meta.eventUuid": "event_id",
        "meta.occurredAt": "event_time",
        "actor.customerId": "user_id",
        "action": "event_type",
        "product.sku": "item_id",
    }
    assert found.mapping.events == {"PDP_VIEWED": "view", "ORDER_PLACED": "purchase"}
    assert (found.before, found.after, found.missing, dict(found.refusals)) == (0.0, 1.0, (), {})


def test_a_found_mapping_decodes_the_topic_after_a_round_through_its_file(tmp_path: Path) -> None:
    found = found_in(*(shop_event(number) for number in range(30)))
    save_mapping(tmp_path / "m.json", Mappings(interaction=found.mapping))
    mapping = load_mapping(tmp_path / "m.json").interaction
    event = decode_event(orjson.dumps(shop_event(1)), None, NOW_MS, mapping=mapping)
    assert isinstance(event, Interaction)
    assert (event.event_type, event.subject, event.item_ids, event.event_time) == ("view", "u1", ("i1",), NOW_MS)


@pytest.mark.parametrize("name", [*OWN, *FOREIGN])
def test_known_shapes_need_no_mapping_of_what_an_event_needs(name: str) -> None:
    found = found_in({**OWN, **FOREIGN}[name])
    assert (found.before, found.after) == (1.0, 1.0)
    assert not {"user_id", "item_id", "items", "event_type", "event_time"} & set(found.mapping.fields.values())


@pytest.mark.parametrize("name", ITEMS)
def test_known_items_stay_understood(name: str) -> None:
    found = found_in(ITEMS[name], kind="item")
    assert (found.before, found.after, found.missing) == (1.0, 1.0, ())


def test_an_items_own_format_is_mapped() -> None:
    found = found_in({"sku": "a", "productName": "Lamp", "salePrice": "9.5", "keywords": ["x"]}, kind="item")
    assert found.mapping.fields == {"sku": "item_id", "productName": "title", "salePrice": "price", "keywords": "tags"}
    assert found.events == ()


def test_coverage_is_the_share_of_records_that_have_the_field() -> None:
    bodies = [shop_event(number, action="view") for number in range(4)]
    bodies[0]["actor"] = None
    found = {one.name: one for one in found_in(*bodies).fields}
    assert found["user_id"] == FoundField("user_id", "actor.customerId", 0.75)
    assert found["item_id"].coverage == 1.0


def test_paths_that_fit_alike_are_told() -> None:
    found = found_in({"action": "view", "customer": "u1", "member": "m1", "sku": "a"})
    [user] = [one for one in found.fields if one.name == "user_id"]
    assert (user.path, user.rivals) == ("customer", ("member",))


def test_ids_in_a_list_become_the_items_of_the_event() -> None:
    found = found_in({"event_type": "purchase", "user_id": "u1", "lines": [{"sku": "a"}, {"sku": "b"}]})
    assert found.mapping.fields == {"lines[].sku": "items"}
    assert found.after == 1.0


def test_contents_of_the_wrong_form_are_not_taken() -> None:
    found = found_in({"event_type": "view", "item_id": "a", "customer": {"deep": 1}, "ts": "noon", "user": 1.5})
    assert found.mapping == Mapping()
    assert found.missing == ("user_id or anonymous_id",)


def test_a_time_without_a_zone_is_reported_and_not_used() -> None:
    found = found_in(shop_event(1, meta={"occurredAt": "2024-05-01T12:00:00"}))
    assert "event_time" not in found.mapping.fields.values()
    assert found.times == {"ISO 8601 without a zone": 1}


def test_each_event_name_says_how_it_is_understood() -> None:
    names = ["view", "view", "page_view", "BASKET_FILLED", "teleport"]
    found = found_in(*({"event_type": name, "user_id": "u", "item_id": "i"} for name in names))
    assert found.events == (
        FoundEvent("view", 2, "known", "view"),
        FoundEvent("page_view", 1, "ignored"),
        FoundEvent("BASKET_FILLED", 1, "guessed", "add_to_cart"),
        FoundEvent("teleport", 1, "unknown"),
    )
    assert (dict(found.refusals), found.ignored) == ({"unknown_event_type": 1}, 1)
    assert found.after == 0.75, "what is ignored counts neither for nor against the mapping"


def test_the_name_of_what_happened_is_the_one_that_reads_like_events() -> None:
    found = found_in({"type": "mobile", "action": "item_viewed", "user_id": "u", "item_id": "i"})
    assert found.mapping.fields == {"action": "event_type"}


def test_values_that_are_no_objects_are_counted_and_deletions_are_not() -> None:
    values = [b"{", b"[1]", None, orjson.dumps(OWN["view"])]
    found = detect([Sampled(value) for value in values], "interaction")
    assert (found.records, found.unreadable) == (3, 2)
    assert found.after == pytest.approx(1 / 3)


def test_the_key_counts_as_the_user() -> None:
    sample = [Sampled(b'{"event_type": "view", "item_id": "a"}', b"u1")]
    assert detect(sample, "interaction").before == 1.0


def test_the_envelope_in_the_headers_counts() -> None:
    sample = [Sampled(b'{"user_id": "u1", "item_id": "a"}', None, CLOUD_EVENT_HEADERS)]
    assert (detect(sample, "interaction").before, detect(sample, "interaction").mapping) == (1.0, Mapping())


def test_nothing_at_all_is_no_error() -> None:
    found = detect([], "interaction")
    assert (found.records, found.after, found.mapping) == (0, 1.0, Mapping())


def test_wide_and_deep_records_are_looked_at_within_bounds() -> None:
    wide = {f"field{number}": number for number in range(5000)}
    deep: dict[str, Any] = {"sku": "a"}
    for _ in range(50):
        deep = {"in": deep}
    found = found_in(*({**wide, **deep, f"only in {number}": 1} for number in range(20)))
    assert found.mapping == Mapping()
