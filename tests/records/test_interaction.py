"""Interactions: what is understood, what is refused, and with which code."""

from typing import Any

import orjson
import pytest

from tests.records.builders import NOW_MS, encoded, interaction
from workers.errors import BadRecordError
from workers.records.interaction import Interaction, decode_interaction


def decoded(value: bytes | None, key: bytes | None = b"u1", record_time_ms: int = NOW_MS) -> Interaction:
    return decode_interaction(value, key, record_time_ms, future_tolerance_ms=1000)


def refusal(value: bytes | None, key: bytes | None = b"u1") -> BadRecordError:
    with pytest.raises(BadRecordError) as refused:
        decoded(value, key)
    return refused.value


def test_a_plain_view_is_understood() -> None:
    event = decoded(interaction(session_id="s1", scenario="home"))
    assert (event.event_type, event.subject, event.item_ids) == ("view", "u1", ("i1",))
    assert (event.event_time, event.time_clamped) == (NOW_MS, False)
    assert (event.session_id, event.scenario) == ("s1", "home")


@pytest.mark.parametrize(
    ("user", "item", "kind", "time"),
    [
        ("userId", "itemId", "eventType", "timestamp"),
        ("USER_ID", "ITEM_ID", "EVENT_TYPE", "TIMESTAMP"),
        ("visitorId", "product_id", "event", "eventTime"),
        ("UserId", "ItemId", "FeedbackType", "Timestamp"),
    ],
)
def test_field_names_of_other_systems_are_understood(user: str, item: str, kind: str, time: str) -> None:
    event = decoded(encoded({user: "u7", item: "i7", kind: "click", time: "2024-05-01T12:00:00Z"}), key=None)
    assert (event.subject, event.item_ids, event.event_type) == ("u7", ("i7",), "click")
    assert event.event_time == NOW_MS


def test_our_spelling_wins_over_another_systems() -> None:
    both = {
        "event_type": "view",
        "item_id": "i1",
        "itemId": "another",
        "userId": "someone else",
        "user_id": "u1",
    }
    event = decoded(encoded(both))
    assert (event.subject, event.item_ids) == ("u1", ("i1",))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("detail-page-view", "view"),
        ("Product Viewed", "view"),
        ("view_item", "view"),
        ("read", "view"),
        ("select_item", "click"),
        ("add-to-cart", "add_to_cart"),
        ("cart addition", "add_to_cart"),
        ("purchase-complete", "purchase"),
        ("Order Completed", "purchase"),
        ("view_item_list", "impression"),
        ("view portion", "watch"),
        ("PURCHASE", "purchase"),
    ],
)
def test_event_names_of_other_systems_are_understood(theirs: str, ours: str) -> None:
    assert decoded(interaction(event_type=theirs)).event_type == ours


def test_an_unknown_event_type_is_named() -> None:
    error = refusal(interaction(event_type="teleport", event_id="e-9"))
    assert error.code == "unknown_event_type"
    assert "teleport" in str(error)
    assert "e-9" in str(error)


def test_the_key_is_the_user_where_the_body_names_none() -> None:
    assert decoded(interaction(user_id=...), key=b"from-key").user_id == "from-key"
    assert decoded(interaction(user_id=..., anonymous_id="guest"), key=b"from-key").subject == "guest"


def test_the_body_wins_over_the_key() -> None:
    assert decoded(interaction(), key=b"somebody").subject == "u1"


def test_ids_given_as_integers_become_text() -> None:
    event = decoded(interaction(user_id=17, item_id=4))
    assert (event.user_id, event.item_ids) == ("17", ("4",))


def test_a_rating_given_as_text_becomes_a_number() -> None:
    assert decoded(interaction(event_type="rating", value="4.5")).value == 4.5


@pytest.mark.parametrize("share", [0, 0.25, 1, "0.5", ...])
def test_a_watch_has_the_share_that_was_watched_or_none(share: Any) -> None:
    event = decoded(interaction(event_type="watch", value=share))
    assert event.value == (None if share is ... else float(share))


@pytest.mark.parametrize("percent", [37, 1.01, -0.1])
def test_percents_and_seconds_are_no_share(percent: float) -> None:
    assert refusal(interaction(event_type="watch", value=percent)).code == "out_of_range"


def test_an_order_touches_each_of_its_items_once() -> None:
    lines = [{"item_id": "a", "quantity": 2, "price": "9.5"}, {"itemId": "b"}, "c", 4, {"item_id": "a"}]
    event = decoded(interaction(event_type="purchase", item_id=..., items=lines))
    assert event.item_ids == ("a", "b", "c", "4")
    assert event.items[0].quantity == 2
    assert event.items[0].price == 9.5


def test_a_search_needs_no_item() -> None:
    assert decoded(interaction(event_type="search", item_id=...)).item_ids == ()


def test_an_event_without_a_time_happened_at_its_record() -> None:
    event = decoded(interaction(event_time=...), record_time_ms=NOW_MS + 5)
    assert (event.event_time, event.time_clamped) == (NOW_MS + 5, False)


def test_a_future_event_is_moved_to_its_record_and_says_so() -> None:
    event = decoded(interaction(event_time=NOW_MS + 1001))
    assert (event.event_time, event.time_clamped) == (NOW_MS, True)


def test_a_clock_slightly_ahead_is_tolerated() -> None:
    event = decoded(interaction(event_time=NOW_MS + 1000))
    assert (event.event_time, event.time_clamped) == (NOW_MS + 1000, False)


def test_a_client_cannot_claim_that_its_time_was_moved() -> None:
    assert not decoded(interaction(time_clamped=True)).time_clamped


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"event_type": ...}, "missing_field", "event_type"),
        ({"event_type": 3}, "wrong_type", "event_type"),
        ({"item_id": ...}, "missing_field", "item_id"),
        ({"items": [{"quantity": 1}], "item_id": ...}, "missing_field", "items.0.item_id"),
        ({"items": [{"item_id": "a", "quantity": 0}]}, "out_of_range", "items.0.quantity"),
        ({"items": ["a"] * 1001}, "too_large", "items"),
        ({"items": "a,b"}, "wrong_type", "items"),
        ({"event_type": "rating"}, "missing_field", "value"),
        ({"value": "many"}, "wrong_type", "value"),
        ({"value": True}, "wrong_type", "value"),
        ({"value": "nan"}, "out_of_range", "value"),
        ({"value": 1e13}, "out_of_range", "value"),
        ({"user_id": ""}, "invalid_id", "user_id"),
        ({"user_id": "a\nb"}, "invalid_id", "user_id"),
        ({"user_id": "a\x00"}, "invalid_id", "user_id"),
        ({"user_id": "é" * 257}, "too_large", "user_id"),
        ({"user_id": "x" * 513}, "too_large", "user_id"),
        ({"user_id": ["u1"]}, "wrong_type", "user_id"),
        ({"user_id": 1.5}, "wrong_type", "user_id"),
        ({"user_id": True}, "wrong_type", "user_id"),
        ({"event_time": "noon"}, "invalid_time", "event_time"),
        ({"event_time": -1}, "invalid_time", "event_time"),
    ],
)
def test_a_bad_field_is_refused_by_name(changes: dict[str, Any], code: str, field: str) -> None:
    error = refusal(interaction(**changes))
    assert error.code == code
    assert field in str(error)


def test_an_id_of_512_bytes_is_still_an_id() -> None:
    assert decoded(interaction(user_id="é" * 256)).subject == "é" * 256


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "empty_value"),
        (b"", "empty_value"),
        (b"{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b'{"value": NaN}', "invalid_json"),
        (b'{"value": Infinity}', "invalid_json"),
        (b'{"user_id": "\\ud800"}', "invalid_json"),
        (b"[" * 10_000 + b"]" * 10_000, "invalid_json"),
        (b'{"context":' * 10_000 + b"1" + b"}" * 10_000, "invalid_json"),
        (b"[1]", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"null", "wrong_type"),
        (orjson.dumps({"user_id": "u" * (1 << 20)}), "too_large"),
    ],
)
def test_a_value_that_is_no_usable_json_object_is_refused(value: bytes | None, code: str) -> None:
    assert refusal(value).code == code


def test_without_user_and_readable_key_there_is_no_subject() -> None:
    for key in (None, b"", b"\xff\x00\x01"):
        assert refusal(interaction(user_id=...), key).code == "missing_field"


def test_a_refusal_never_repeats_a_megabyte() -> None:
    error = refusal(interaction(user_id="x" * 900_000, event_type="y" * 90_000))
    assert len(str(error)) < 500
