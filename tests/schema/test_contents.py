"""What contents reveal where no name does."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from workers.admin.schema.detect import detect
from workers.admin.schema.found import Detection, FoundEvent, Sampled

EVENTS = ("ORDER_PLACED", "PDP_SEEN", "PDP_SEEN", "BASKET_FILLED")


def strange(number: int) -> dict[str, Any]:
    """An event of a shop whose names say nothing to us."""
    return {
        "vorgang": EVENTS[number % len(EVENTS)],
        "zeit": f"2024-05-01T12:{number % 60:02}:00+02:00",
        "kunde": f"k{number % 9}",
        "ware": f"W-{number % 20}",
        "land": "NL",
        "menge": number % 5 + 1,
    }


def found_in(
    make: Callable[[int], dict[str, Any]], count: int = 40, key: Callable[[int], str] | None = None
) -> Detection:
    return detect(
        [Sampled(orjson.dumps(make(n)), key(n).encode() if key else None) for n in range(count)], "interaction"
    )


def test_events_and_times_are_known_by_what_they_say() -> None:
    found = found_in(strange)
    how = {one.name: (one.path, one.how) for one in found.fields}
    assert how["event_type"] == ("vorgang", "contents")
    assert how["event_time"] == ("zeit", "contents")
    assert found.mapping.events == {"ORDER_PLACED": "purchase", "PDP_SEEN": "view", "BASKET_FILLED": "add_to_cart"}


def test_the_user_is_who_the_keys_name_and_the_one_repeated_id_left_is_the_item() -> None:
    found = found_in(strange, key=lambda number: f"k{number % 9}")
    assert found.mapping.fields == {
        "vorgang": "event_type",
        "zeit": "event_time",
        "kunde": "user_id",
        "ware": "item_id",
    }
    assert found.after == 1.0


def test_of_two_ids_that_nothing_tells_apart_none_is_guessed() -> None:
    found = found_in(strange)
    assert {"user_id", "item_id"}.isdisjoint(found.mapping.fields.values())
    assert found.missing == ("user_id or anonymous_id", "item_id or items")
    assert {"kunde", "ware", "land"} <= set(found.unused)


@pytest.mark.parametrize("count", [1, 4])
def test_nothing_is_concluded_from_a_few_contents(count: int) -> None:
    assert "zeit" not in found_in(strange, count).mapping.fields


def test_numbers_texts_without_digits_and_constants_are_no_ids() -> None:
    found = found_in(
        lambda number: {"action": "viewed", "customer": "u", "menge": number % 7, "stadt": "abc"[number % 3], "v": "2a"}
    )
    assert "item_id" not in found.mapping.fields.values()


def test_what_takes_an_event_back_is_not_taken_for_it() -> None:
    names = ("ORDER_DELETED", "REMOVED_FROM_CART", "ORDER_PLACED")
    found = found_in(lambda n: {"event_type": names[n % 3], "user_id": "u", "item_id": "i"}, 3)
    assert [one.how for one in found.events] == ["unknown", "unknown", "guessed"]
    assert FoundEvent("ORDER_PLACED", 1, "guessed", "purchase") in found.events


def test_a_path_whose_contents_repeat_is_no_title() -> None:
    bodies = [{"sku": f"s{n}", "productName": f"Kind {n % 3}", "caption": f"Lamp {n}"} for n in range(40)]
    found = detect([Sampled(orjson.dumps(body)) for body in bodies], "item")
    assert found.mapping.fields == {"sku": "item_id", "caption": "title"}


def test_a_title_without_a_known_name_is_the_one_text_that_differs_and_has_blanks() -> None:
    bodies = [{"sku": f"s{n}", "bezeichnung": f"Blaue Lampe {n}", "farbe": "blau", "url": "/x"} for n in range(40)]
    found = detect([Sampled(orjson.dumps(body)) for body in bodies], "item")
    assert found.mapping.fields == {"sku": "item_id", "bezeichnung": "title"}


@pytest.mark.parametrize(
    ("ratings", "scale"),
    [
        ([0.5, 3, 5], "0.5 to 5"),
        ([1, 7, 10], "1 to 10"),
        ([0, 8], "0 to 10"),
        ([0, 1], "0 to 1"),
        ([-1, 1], "-1 to 1"),
        ([0, 4], "0 to 5"),
        ([20, 85], "0 to 100"),
        ([4] * 99 + [1000], "0.5 to 5"),
        ([400, 2000], "0.5 to 5"),
    ],
)
def test_the_scale_of_ratings_is_proposed_from_what_was_sent(ratings: list[float], scale: str) -> None:
    found = detect(
        [
            Sampled(orjson.dumps({"event_type": "rating", "user_id": "u", "item_id": "i", "value": one}))
            for one in ratings
        ],
        "interaction",
    )
    assert str(found.mapping.scale) == scale
    assert found.ratings == (min(ratings), max(ratings))


def test_recombees_ratings_say_nothing_of_the_scale() -> None:
    body = {"path": "/ratings/", "params": {"userId": "u", "itemId": "i", "rating": -1}}
    assert detect([Sampled(orjson.dumps(body))], "interaction").ratings is None


def test_framed_values_are_reported_with_their_schemas() -> None:
    values = [b"\x00\x00\x00\x00" + bytes([number % 2 + 7]) + b"\x02avro" for number in range(4)]
    found = detect([Sampled(value) for value in values], "interaction")
    assert (found.schema_ids, found.unreadable, found.after) == ((7, 8), 4, 0.0)
