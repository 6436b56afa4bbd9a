"""Requests: kinds, bounds, deadlines."""

from typing import Any

import pytest

from tests.records.builders import NOW_MS, request
from workers.errors import BadRecordError
from workers.records.headers import InHeaders
from workers.records.request import Request, decode_request


def decoded(value: bytes, key: bytes | None = b"u1", headers: InHeaders = ()) -> Request:
    return decode_request(value, key, NOW_MS, headers)


def refusal(value: bytes | None, headers: InHeaders = ()) -> BadRecordError:
    with pytest.raises(BadRecordError) as refused:
        decode_request(value, b"u1", NOW_MS, headers)
    return refused.value


def test_the_shortest_request_asks_for_ten_for_the_user_of_the_key() -> None:
    shortest = decoded(b"{}", key=b"u9")
    assert (shortest.kind, shortest.subject, shortest.limit, shortest.explain) == (
        "for_user",
        "u9",
        10,
        False,
    )
    assert shortest.filters.available
    assert shortest.expires_at_ms is None


def test_a_request_carries_what_was_asked() -> None:
    full = decoded(
        request(
            kind="similar_items",
            item_ids=[1, "b"],
            limit=100,
            exclude=["x", 7],
            diversity=0.5,
            explain=True,
            min_offset={"partition": 3, "offset": 41},
            filters={
                "category": "film",
                "price": {"min": 1, "max": "20"},
                "tags": ["a"],
                "attributes": {"c": "x"},
            },
        )
    )
    assert (full.item_ids, full.limit, full.exclude) == (("1", "b"), 100, frozenset({"x", "7"}))
    assert (full.diversity, full.explain) == (0.5, True)
    assert full.min_offset is not None
    assert (full.min_offset.partition, full.min_offset.offset) == (3, 41)
    assert (full.filters.category, full.filters.price.min, full.filters.price.max) == (("film",), 1, 20)
    assert (full.filters.tags, full.filters.attributes) == (("a",), {"c": "x"})


def test_ten_thousand_excluded_items_are_taken() -> None:
    assert len(decoded(request(exclude=[f"item-{n}" for n in range(10_000)])).exclude) == 10_000


def test_a_request_without_a_subject_may_ask_what_is_trending() -> None:
    assert decoded(request(kind="trending", user_id=...), key=None).subject == ""


def test_the_key_of_a_similar_items_request_is_not_taken_for_a_user() -> None:
    assert decoded(request(kind="similar_items", user_id=..., item_ids="i1"), key=b"any").subject == ""


def test_a_session_is_of_its_list_or_else_of_the_guest_the_session_or_the_key() -> None:
    listed = decoded(request(kind="session", user_id=..., item_ids=["a", "b"], session_id="s"), key=b"k")
    assert (listed.item_ids, listed.subject) == (("a", "b"), "")
    assert decoded(request(kind="session", user_id=..., session_id="s"), key=b"k").subject == "s"
    assert decoded(request(kind="session", user_id=..., anonymous_id="g", session_id="s")).subject == "g"
    assert decoded(request(kind="session", user_id=...), key=b"k").subject == "k"


def test_a_session_id_beside_a_user_names_no_other_subject() -> None:
    assert decoded(request(session_id="s")).subject == "u1"
    assert decoded(request(kind="trending", user_id=..., session_id="s")).subject == ""


def test_a_search_has_no_subject_unless_it_is_personalised() -> None:
    assert decoded(request(kind="search", user_id=..., text="heat"), key=b"k").subject == ""
    assert decoded(request(kind="search", user_id=..., text="heat", personalised=True), key=b"k").subject == "k"


def test_an_unsupported_kind_is_answered_with_the_supported_ones() -> None:
    error = refusal(request(kind="astrology", limit=1000))
    assert error.code == "unsupported_kind"
    assert "similar_items" in str(error)


def test_the_deadline_counts_from_the_records_time() -> None:
    assert decoded(request(deadline_ms=250)).expires_at_ms == NOW_MS + 250


def test_a_deadline_in_the_header_wins_over_the_body() -> None:
    assert decoded(request(deadline_ms=250), headers=[("deadline_ms", b"80")]).expires_at_ms == NOW_MS + 80


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"kind": {}}, "unsupported_kind", "kind"),
        ({"limit": 0}, "out_of_range", "limit"),
        ({"limit": 101}, "out_of_range", "limit"),
        ({"limit": "all"}, "wrong_type", "limit"),
        ({"exclude": [str(n) for n in range(10_001)]}, "too_large", "exclude"),
        ({"exclude": [["x"]]}, "wrong_type", "exclude"),
        ({"item_ids": ["a"] * 101}, "too_large", "item_ids"),
        ({"kind": "similar_items"}, "missing_field", "item_ids"),
        ({"kind": "bought_together"}, "missing_field", "item_ids"),
        ({"kind": "search"}, "missing_field", "text"),
        ({"kind": "search", "text": " ?! "}, "missing_field", "text"),
        ({"kind": "search", "text": "x" * 1_001}, "too_large", "text"),
        ({"kind": "search", "text": ["x"]}, "wrong_type", "text"),
        ({"kind": "search", "text": "x", "item_ids": ["a"]}, "unknown_field", "item_ids"),
        ({"kind": "trending", "by": "week"}, "wrong_type", "by"),
        ({"kind": "session", "by": "day"}, "unknown_field", "trending"),
        ({"text": "heat"}, "unknown_field", "search"),
        ({"personalised": False}, "unknown_field", "search"),
        ({"item_ids": ["a"]}, "unknown_field", "similar_items"),
        ({"next": "x" * 16_385}, "too_large", "next"),
        ({"next": 7}, "wrong_type", "next"),
        ({"diversity": 1.5}, "out_of_range", "diversity"),
        ({"filters": {"colour": "red"}}, "unknown_field", "filters.colour"),
        ({"filters": {"price": {"below": 3}}}, "unknown_field", "filters.price.below"),
        ({"filters": ["x"]}, "wrong_type", "filters"),
        ({"min_offset": {"partition": 1}}, "missing_field", "min_offset.offset"),
        ({"min_offset": {"partition": -1, "offset": 0}}, "out_of_range", "min_offset.partition"),
        ({"deadline_ms": 0}, "out_of_range", "deadline_ms"),
        ({"deadline_ms": NOW_MS}, "out_of_range", "deadline_ms"),
        ({"scenario": "a\nb"}, "invalid_id", "scenario"),
    ],
)
def test_a_bad_field_is_refused_by_name(changes: dict[str, Any], code: str, field: str) -> None:
    error = refusal(request(**changes))
    assert error.code == code
    assert field in str(error)


def test_a_deadline_header_that_is_no_number_is_refused() -> None:
    assert refusal(request(), [("deadline_ms", b"\xff\xffsoon")]).code == "wrong_type"


@pytest.mark.parametrize(
    "fields", [{}, {"kind": "session"}, {"kind": "search", "text": "x", "personalised": True}], ids=str
)
def test_a_question_of_a_user_needs_one(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRecordError, match="needs") as refused:
        decode_request(request(user_id=..., **fields), None, NOW_MS)
    assert refused.value.code == "missing_field"
