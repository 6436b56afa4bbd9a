"""Records of other systems in their own shape."""

from typing import Any

import orjson
import pytest

from tests.records.builders import NOW_MS
from workers.errors import BadRecordError
from workers.records.event import UserEvent, decode_event
from workers.records.interaction import Interaction
from workers.records.item import Item
from workers.records.item_update import ItemUpdate, decode_item_event
from workers.records.mapping import Mapping
from workers.records.person import Identify, Profile

ISO = "2024-05-01T12:00:00.000Z"


SEGMENT_WITHOUT_WORTH = (
    *("Product Removed", "Cart Viewed", "Cart Shared", "Product List Filtered", "Product Removed from Wishlist"),
    *("Promotion Viewed", "Promotion Clicked", "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed"),
    *("Payment Info Entered", "Order Updated", "Order Refunded", "Order Cancelled"),
    *("Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed"),
    *("Application Opened", "Video Playback Started", "Email Opened"),
)


def understood(body: dict[str, Any]) -> UserEvent:
    return decode_event(orjson.dumps(body), None, NOW_MS + 1)


def interaction(body: dict[str, Any]) -> Interaction:
    event = understood(body)
    assert isinstance(event, Interaction)
    return event


def refusal(body: dict[str, Any]) -> str:
    with pytest.raises(BadRecordError) as refused:
        understood(body)
    return refused.value.code


def item(body: dict[str, Any]) -> Item:
    found = decode_item_event(orjson.dumps(body), None)
    assert isinstance(found, Item)
    return found


def ga4(**changes: Any) -> dict[str, Any]:
    row = {
        "event_name": "view_item",
        "event_timestamp": NOW_MS * 1000,
        "user_id": None,
        "user_pseudo_id": "77.1",
        "event_params": [
            {"key": "page_location", "value": {"string_value": "https://example.org", "int_value": None}},
            {"key": "ga_session_id", "value": {"string_value": None, "int_value": 17}},
        ],
        "items": [{"item_id": "a", "item_name": "A", "price": 9.5, "quantity": None}],
        "ecommerce": {"transaction_id": None},
    }
    return row | changes


def segment(event: str, **properties: Any) -> dict[str, Any]:
    ids = {"messageId": "m1", "anonymousId": "guest", "userId": "u1"}
    return {"type": "track", "event": event, **ids, "timestamp": ISO, "sentAt": "bad", "properties": properties}


def recombee(path: str, **params: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "params": {"userId": "u1", "itemId": "a", "timestamp": ISO, **params}}


def metarank(event: str, **fields: Any) -> dict[str, Any]:
    return {"event": event, "id": "e1", "timestamp": str(NOW_MS), "user": "u1", "session": "s1", **fields}


def test_a_row_of_ga4s_export_is_understood() -> None:
    event = interaction(ga4())
    assert (event.event_type, event.subject, event.item_ids, event.session_id) == ("view", "77.1", ("a",), "17")
    assert (event.event_time, event.items[0].price, event.value) == (NOW_MS, 9.5, None)


def test_ga4s_placeholder_is_no_item() -> None:
    shown = [{"item_id": "(not set)"}, {"item_id": "b"}]
    assert interaction(ga4(event_name="view_item_list", items=shown)).item_ids == ("b",)
    assert refusal(ga4(items=shown[:1])) == "missing_field"


def test_an_item_in_ga4s_parameters_is_found() -> None:
    params = [{"key": "item_id", "value": {"string_value": "p"}}, {"key": 3}, "torn"]
    assert interaction(ga4(items=[], event_params=params)).item_ids == ("p",)


def test_a_page_of_ga4_is_irrelevant_not_wrong() -> None:
    assert refusal(ga4(event_name="page_view", items=[])) == "irrelevant_event"


@pytest.mark.parametrize("name", ["video_start", "form_submit", "first_open", "session_start", "click", "share"])
def test_what_ga4_collects_by_itself_is_ignored(name: str) -> None:
    assert refusal(ga4(event_name=name, items=[])) == "irrelevant_event"
    sent = {"client_id": "77.1", "events": [{"name": name, "params": {"session_id": 5}}]}
    assert refusal(sent) == "irrelevant_event"


def test_a_tag_managers_own_events_are_ignored() -> None:
    assert refusal({"event": "gtm.linkClick", "user_id": "u1"}) == "irrelevant_event"
    assert refusal({"event": "click", "user_id": "u1", "ecommerce": {}}) == "irrelevant_event"


def test_a_share_of_an_item_is_a_like_and_a_chosen_content_can_be_given_a_meaning() -> None:
    def params(**named: str) -> list[dict[str, Any]]:
        return [{"key": key, "value": {"string_value": value}} for key, value in named.items()]

    shared = interaction(ga4(event_name="share", items=[], event_params=params(method="mail", item_id="a")))
    assert (shared.event_type, shared.item_ids) == ("like", ("a",))
    chosen = ga4(event_name="select_content", items=[], event_params=params(content_type="film", content_id="b"))
    assert refusal(chosen) == "irrelevant_event"
    meant = decode_event(orjson.dumps(chosen), None, NOW_MS + 1, mapping=Mapping(events={"select_content": "click"}))
    assert isinstance(meant, Interaction) and (meant.event_type, meant.item_ids) == ("click", ("b",))


def test_ga4s_data_layer_and_measurement_protocol_are_understood() -> None:
    pushed = {"event": "add_to_cart", "user_id": "u1", "ecommerce": {"items": [{"item_id": "a", "quantity": 2}]}}
    assert (interaction(pushed).event_type, interaction(pushed).items[0].quantity) == ("add_to_cart", 2)
    event = {"name": "purchase", "params": {"session_id": 5, "items": [{"item_id": "a"}, {"item_id": "b"}]}}
    sent = interaction({"client_id": "77.1", "timestamp_micros": str(NOW_MS * 1000), "events": [event]})
    assert (sent.event_type, sent.subject, sent.item_ids, sent.event_time) == ("purchase", "77.1", ("a", "b"), NOW_MS)


def test_a_flat_event_with_ga4s_name_keeps_its_fields() -> None:
    flat = interaction({"event_name": "view", "user_id": "u1", "item_id": "a", "session_id": "s"})
    assert (flat.item_ids, flat.session_id) == (("a",), "s")


@pytest.mark.parametrize(
    ("name", "properties", "ours", "items"),
    [
        ("Product Viewed", {"product_id": "a", "value": 99.5}, "view", ("a",)),
        ("Product Clicked", {"product_id": 7}, "click", ("7",)),
        ("Product Added", {"product_id": "a", "quantity": 2}, "add_to_cart", ("a",)),
        ("Order Completed", {"products": [{"product_id": "a"}, {"product_id": "b"}]}, "purchase", ("a", "b")),
        ("Product List Viewed", {"products": [{"product_id": "a", "position": 1}]}, "impression", ("a",)),
        ("Product Added to Wishlist", {"product_id": "a"}, "bookmark", ("a",)),
        ("Wishlist Product Added to Cart", {"product_id": "a"}, "add_to_cart", ("a",)),
        ("Product Shared", {"product_id": "a", "share_via": "email"}, "like", ("a",)),
        ("Products Searched", {"query": "blue"}, "search", ()),
    ],
)
def test_segments_commerce_events_are_understood(
    name: str, properties: dict[str, Any], ours: str, items: tuple[str, ...]
) -> None:
    event = interaction(segment(name, **properties))
    assert (event.event_type, event.item_ids, event.value) == (ours, items, None)
    assert (event.event_id, event.user_id, event.anonymous_id, event.event_time) == ("m1", "u1", "guest", NOW_MS)


def test_a_review_of_segment_is_a_rating() -> None:
    event = interaction(segment("Product Reviewed", product_id="a", rating=4))
    assert (event.event_type, event.value) == ("rating", 4)


@pytest.mark.parametrize("call", ["page", "screen", "group"])
def test_segments_other_calls_are_irrelevant(call: str) -> None:
    assert refusal({"type": call, "userId": "u1", "name": "Home"}) == "irrelevant_event"
    for name in SEGMENT_WITHOUT_WORTH:
        assert refusal(segment(name, product_id="a")) == "irrelevant_event"


def test_segments_identify_joins_guest_and_user_and_keeps_plain_traits() -> None:
    body = {"type": "identify", "userId": "u1", "anonymousId": "guest", "timestamp": ISO}
    both = understood(body | {"traits": {"plan": "pro", "address": {"city": "Utrecht"}}})
    assert isinstance(both, Identify)
    assert (both.user_id, both.anonymous_id, both.subject, both.attributes) == ("u1", "guest", "guest", {"plan": "pro"})


def test_segments_identify_of_one_id_is_a_profile() -> None:
    known = understood({"type": "identify", "userId": "u1", "traits": {"plan": "pro"}})
    assert isinstance(known, Profile) and not isinstance(known, Identify)
    assert (known.subject, known.attributes) == ("u1", {"plan": "pro"})


def test_segments_alias_is_an_identify() -> None:
    alias = understood({"type": "alias", "userId": "u1", "previousId": "old"})
    assert isinstance(alias, Identify)
    assert (alias.anonymous_id, alias.user_id) == ("old", "u1")


def test_a_retail_event_is_understood() -> None:
    event = interaction(
        {
            "eventType": "purchase-complete",
            "visitorId": "guest",
            "userInfo": {"userId": "u1"},
            "eventTime": "2024-05-01T12:00:00.000000999Z",
            "productDetails": [{"product": {"id": "a"}, "quantity": 2}, {"product": {"id": "b"}, "quantity": None}],
            "attributionToken": "token",
        }
    )
    assert (event.event_type, event.subject, event.anonymous_id, event.item_ids) == (
        "purchase",
        "u1",
        "guest",
        ("a", "b"),
    )
    assert (event.items[0].quantity, event.recommendation_id, event.event_time) == (2, "token", NOW_MS)


def test_a_retail_visitor_without_login_is_a_guest() -> None:
    details = [{"product": {"id": "a"}}]
    event = interaction({"eventType": "detail-page-view", "visitorId": "guest", "productDetails": details})
    assert (event.user_id, event.subject) == (None, "guest")


def test_a_row_of_personalize_is_understood() -> None:
    row = {"USER_ID": "u1", "ITEM_ID": "a", "EVENT_TYPE": "watch", "EVENT_VALUE": 0.5, "TIMESTAMP": NOW_MS // 1000}
    event = interaction(row)
    assert (event.event_type, event.value, event.event_time) == ("watch", 0.5, NOW_MS)


def test_put_events_with_one_event_is_understood_and_with_more_refused() -> None:
    event = {"eventType": "click", "itemId": "a", "sentAt": NOW_MS // 1000, "recommendationId": "r"}
    call = {"trackingId": "t", "userId": "u1", "sessionId": "s"}
    one = interaction(call | {"eventList": [event]})
    assert (one.event_type, one.subject, one.session_id, one.recommendation_id) == ("click", "u1", "s", "r")
    for several in ([event, event], [], "click", None):
        assert refusal(call | {"eventList": several}) in {"several_events", "missing_field"}


def test_what_personalize_only_showed_is_an_impression() -> None:
    shown = interaction({"userId": "u1", "eventType": "click", "impression": ["a", "b"]})
    assert (shown.event_type, shown.item_ids) == ("impression", ("a", "b"))
    clicked = interaction({"userId": "u1", "eventType": "click", "itemId": "a", "impression": ["a", "b"]})
    assert (clicked.event_type, clicked.item_ids) == ("click", ("a",))


@pytest.mark.parametrize(
    ("path", "params", "ours", "value"),
    [
        ("/detailviews/", {}, "view", None),
        ("/detailviews/", {"recommId": "r"}, "click", None),
        ("/purchases/", {"amount": 2, "price": 9.5}, "purchase", None),
        ("/cartadditions/", {}, "add_to_cart", None),
        ("/bookmarks/", {}, "bookmark", None),
        ("/ratings/", {"rating": -1}, "rating", 1.0),
        ("/ratings/", {"rating": 0.5}, "rating", 4.0),
        ("viewportions", {"portion": 0.25}, "watch", 0.25),
    ],
)
def test_recombees_interactions_are_understood(
    path: str, params: dict[str, Any], ours: str, value: float | None
) -> None:
    event = interaction(recombee(path, **params))
    assert (event.event_type, event.value, event.subject, event.item_ids) == (ours, value, "u1", ("a",))


def test_taking_back_an_interaction_at_recombee_is_not_one() -> None:
    assert refusal(recombee("/purchases/") | {"method": "DELETE"}) == "unknown_event_type"
    assert refusal(recombee("/ratings/", rating="good")) == "wrong_type"
    assert refusal(recombee("/ratings/", rating=4)) == "out_of_range"


def test_gorses_feedback_and_user_are_understood() -> None:
    star = interaction({"FeedbackType": "star", "UserId": "u1", "ItemId": "a", "Timestamp": ISO})
    assert (star.event_type, star.subject, star.item_ids, star.event_time) == ("like", "u1", ("a",), NOW_MS)
    user = understood({"UserId": "u1", "Labels": {"country": "NL", "deep": {"a": 1}}, "Comment": ""})
    assert isinstance(user, Profile)
    assert user.attributes == {"country": "NL"}


def test_metaranks_interaction_is_understood() -> None:
    event = interaction(metarank("interaction", type="purchase", item="a", ranking="r1", fields=[]))
    assert (event.event_type, event.subject, event.item_ids) == ("purchase", "u1", ("a",))
    assert (event.recommendation_id, event.event_id, event.event_time) == ("r1", "e1", NOW_MS)


def test_metaranks_session_is_the_guest_where_no_user_is_named() -> None:
    event = interaction(metarank("interaction", type="click", item="a", user=None))
    assert (event.user_id, event.subject) == (None, "s1")


def test_metaranks_ranking_is_an_impression_and_its_user_a_profile() -> None:
    shown = interaction(metarank("ranking", items=[{"id": "a", "relevancy": 2.0}, {"id": "b"}]))
    assert (shown.event_type, shown.item_ids, shown.recommendation_id) == ("impression", ("a", "b"), "e1")
    user = understood(metarank("user", fields=[{"name": "age", "value": 33}, {"name": ["torn"]}, 5]))
    assert isinstance(user, Profile)
    assert (user.subject, user.attributes) == ("u1", {"age": 33})


def test_metaranks_item_changes_only_what_it_names() -> None:
    fields = [{"name": "title", "value": "Heat"}, {"name": "colour", "value": ["red"]}]
    found = decode_item_event(orjson.dumps(metarank("item", item="a", fields=fields)), None)
    assert found == ItemUpdate("a", {"title": "Heat"}, {"colour": ("red",)})


def test_a_retail_product_is_an_item() -> None:
    found = item(
        {
            "id": "a",
            "name": "projects/p/products/a",
            "title": "Heat",
            "categories": ["film > crime", "film"],
            "priceInfo": {"price": 9.5, "currencyCode": "EUR"},
            "availability": "OUT_OF_STOCK",
            "images": [{"uri": "https://example.org/a.jpg"}],
            "attributes": {"colour": {"text": ["red", "blue"]}, "year": {"numbers": [1995]}, "torn": 3},
        }
    )
    assert (found.item_id, found.title, found.category, found.price) == ("a", "Heat", "film > crime", 9.5)
    assert (found.available, found.image_url) == (False, "https://example.org/a.jpg")
    assert found.attributes == {"colour": ("red", "blue"), "year": 1995, "torn": ()}


def test_gorses_item_is_an_item() -> None:
    body = {"ItemId": "a", "IsHidden": True, "Categories": ["film"], "Timestamp": ISO, "Comment": "Heat"}
    found = item(body | {"Labels": ["crime", "noir"]})
    assert (found.item_id, found.available, found.category, found.tags) == ("a", False, "film", ("crime", "noir"))
    assert (found.published_at, found.description) == (NOW_MS, "Heat")
    assert item(body | {"Labels": {"year": 1995}}).attributes == {"year": 1995}


def test_personalizes_item_has_its_properties_in_a_text() -> None:
    found = item({"itemId": "a", "properties": '{"price": 9.5, "genres": "crime|noir"}'})
    assert (found.item_id, found.price, found.tags) == ("a", 9.5, ("crime", "noir"))
    assert item({"itemId": "a", "properties": "{torn"}).item_id == "a"


@pytest.mark.parametrize("marker", ["event_name", "ecommerce", "event", "type", "productDetails", "userInfo", "path"])
@pytest.mark.parametrize("content", [None, 5, "x", [], [[1]], {}, {"a": 1}, True])
def test_a_marker_with_any_content_is_refused_in_the_ordinary_way(marker: str, content: Any) -> None:
    assert refusal({"user_id": "u1", "item_id": "a", marker: content}) in {
        "missing_field",
        "wrong_type",
        "unknown_event_type",
    }
