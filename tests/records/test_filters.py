"""Filters of a request: what is understood, what is refused."""

from typing import Any

import pytest

from tests.records.builders import NOW_MS, request
from workers.errors import BadRecordError
from workers.records.filters import Filters, FromProfile
from workers.records.request import decode_request


def filters(**fields: Any) -> Filters:
    return decode_request(request(filters=fields), None, NOW_MS).filters


def test_without_filters_only_available_items_pass() -> None:
    assert filters() == Filters()
    assert filters().available


def test_one_label_stands_for_a_list_of_one() -> None:
    found = filters(category="film", category_not=["short", "ad"])
    assert (found.category, found.category_not) == (("film",), ("short", "ad"))


def test_tags_are_all_or_any() -> None:
    found = filters(tags=["crime", "crime"], tags_any=["noir", "thriller"])
    assert (found.tags, found.tags_any) == (("crime",), ("noir", "thriller"))


def test_published_since_is_any_time_that_an_item_may_have() -> None:
    assert filters(published_since="1969-12-31").published_since == -86_400_000
    assert filters(published_since=NOW_MS).published_since == NOW_MS


def test_attributes_keep_their_type() -> None:
    wanted = {"year": 1995, "weight": 1.5, "language": "en", "in_colour": True, "count": 1}
    found = filters(attributes=wanted).attributes
    assert found == wanted
    assert [type(value) for value in found.values()] == [int, float, str, bool, int]


def test_an_attribute_may_refer_to_the_profile() -> None:
    found = filters(attributes={"region": {"profile": "country"}, "age": {"profile": "age_group", "default": 18}})
    assert found.attributes == {"region": FromProfile("country"), "age": FromProfile("age_group", 18)}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"category": None}, "wrong_type"),
        ({"category": [["a"]]}, "wrong_type"),
        ({"category_not": [str(n) for n in range(257)]}, "too_large"),
        ({"tags_any": 5}, "wrong_type"),
        ({"attributes": {"colour": None}}, "wrong_type"),
        ({"attributes": {"colour": ["red"]}}, "wrong_type"),
        ({"attributes": {"colour": {"not": "red"}}}, "wrong_type"),
        ({"attributes": {"colour": "x" * 257}}, "too_large"),
        ({"attributes": {"size": 2**60}}, "out_of_range"),
        ({"attributes": {"size": -1e300}}, "out_of_range"),
        ({"attributes": {"a.b": 1}}, "out_of_range"),
        ({"attributes": {"a[]": 1}}, "out_of_range"),
        ({"attributes": {"": 1}}, "out_of_range"),
        ({"attributes": {f"a{n}": n for n in range(33)}}, "too_large"),
        ({"attributes": []}, "wrong_type"),
        ({"published_since": "soon"}, "invalid_time"),
        ({"published_since": "2024-05-01T12:00:00"}, "invalid_time"),
        ({"available": "perhaps"}, "wrong_type"),
        ({"tags_none": ["a"]}, "unknown_field"),
        ({"min_mean_rating": 5.1}, "out_of_range"),
        ({"min_mean_rating": True}, "wrong_type"),
        ({"preferred": "often"}, "wrong_type"),
        ({"attributes": {"region": {"profile": ""}}}, "wrong_type"),
        ({"attributes": {"region": {"profile": "country", "else": 1}}}, "wrong_type"),
        ({"attributes": {"region": {"profile": "country", "default": [1]}}}, "wrong_type"),
    ],
)
def test_a_filter_that_cannot_be_applied_is_refused(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(BadRecordError) as refused:
        filters(**fields)
    assert refused.value.code == code
