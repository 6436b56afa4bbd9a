"""Items and their deletion."""

from typing import Any

import pytest

from tests.records.builders import encoded, item
from workers.errors import BadRecordError
from workers.records.item import Item, ItemDeleted
from workers.records.item_update import decode_item_event


def decoded(value: bytes, key: bytes | None = b"i1") -> Item:
    found = decode_item_event(value, key)
    assert isinstance(found, Item)
    return found


def refusal(value: bytes | None, key: bytes | None = b"i1") -> BadRecordError:
    with pytest.raises(BadRecordError) as refused:
        decode_item_event(value, key)
    return refused.value


def test_an_item_needs_only_an_id() -> None:
    plain = decoded(encoded({"item_id": "i9"}))
    assert (plain.item_id, plain.available, plain.tags, plain.vector) == ("i9", True, (), ())


def test_an_item_carries_what_was_published() -> None:
    full = decoded(
        item(
            description="Toys come alive",
            category="film",
            price="9.50",
            available=False,
            published_at="1995-11-22",
            vector=[1, -0.5],
            attributes={"imdb": "tt0114709", "year": 1995, "languages": ["en", "fr"], "none": None},
            image_url=" https://example.org/p.jpg ",
            url="/films/1",
        )
    )
    assert (full.description, full.category, full.price, full.available) == (
        "Toys come alive",
        "film",
        9.5,
        False,
    )
    assert (full.published_at, full.vector) == (816_998_400_000, (1.0, -0.5))
    assert full.attributes == {"imdb": "tt0114709", "year": 1995, "languages": ("en", "fr")}
    assert (full.image_url, full.url) == ("https://example.org/p.jpg", "/films/1")


def test_fields_of_other_systems_are_understood() -> None:
    theirs = decoded(encoded({"ITEM_ID": 7, "name": "Heat", "overview": "Crime", "GENRES": "Action|Crime|Action"}))
    assert (theirs.item_id, theirs.title, theirs.description) == ("7", "Heat", "Crime")
    assert theirs.tags == ("Action", "Crime")


def test_a_title_that_is_a_number_stays_a_title() -> None:
    assert decoded(item(title=1917)).title == "1917"


def test_the_key_is_the_id_where_the_body_has_none() -> None:
    assert decoded(item(item_id=...), key=b"from-key").item_id == "from-key"


def test_a_null_value_deletes_the_item_of_its_key() -> None:
    assert decode_item_event(None, "käse".encode()) == ItemDeleted("käse")


@pytest.mark.parametrize(
    ("key", "code"),
    [(None, "missing_field"), (b"", "missing_field"), (b"\xff", "missing_field"), (b"a\x00", "invalid_id")],
)
def test_a_deletion_without_a_usable_key_is_refused(key: bytes | None, code: str) -> None:
    assert refusal(None, key).code == code


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"title": ["x"]}, "wrong_type", "title"),
        ({"title": "x" * 65_537}, "too_large", "title"),
        ({"description": "é" * 32_769}, "too_large", "description"),
        ({"tags": [str(n) for n in range(257)]}, "too_large", "tags"),
        ({"tags": ["x" * 257]}, "too_large", "tags.0"),
        ({"tags": [1]}, "wrong_type", "tags"),
        ({"tags": {"a": 1}}, "wrong_type", "tags"),
        ({"price": -1}, "out_of_range", "price"),
        ({"price": "cheap"}, "wrong_type", "price"),
        ({"available": "perhaps"}, "wrong_type", "available"),
        ({"vector": []}, "out_of_range", "vector"),
        ({"vector": [0.0, 0.0]}, "out_of_range", "vector"),
        ({"vector": [1e30]}, "out_of_range", "vector.0"),
        ({"vector": ["1"]}, "wrong_type", "vector.0"),
        ({"vector": [True]}, "wrong_type", "vector.0"),
        ({"vector": [None]}, "wrong_type", "vector.0"),
        ({"vector": [0.1] * 4097}, "too_large", "vector"),
        ({"vector": "abc"}, "wrong_type", "vector"),
        ({"attributes": []}, "wrong_type", "attributes"),
        ({"attributes": {"a": {"b": 1}}}, "wrong_type", "attributes.a"),
        ({"attributes": {"a": [[1]]}}, "wrong_type", "attributes.a"),
        ({"attributes": {str(n): n for n in range(257)}}, "too_large", "attributes"),
        ({"attributes": {"a": list(range(257))}}, "too_large", "attributes.a"),
        ({"url": "javascript:alert(1)"}, "invalid_url", "url"),
        ({"url": " jAvAsCrIpT:alert(1)"}, "invalid_url", "url"),
        ({"url": "java\tscript:alert(1)"}, "invalid_url", "url"),
        ({"image_url": "data:text/html;base64,AAAA"}, "invalid_url", "image_url"),
        ({"image_url": "http://[oops"}, "invalid_url", "image_url"),
        ({"published_at": "soon"}, "invalid_time", "published_at"),
    ],
)
def test_a_bad_field_is_refused_by_name(changes: dict[str, Any], code: str, field: str) -> None:
    error = refusal(item(**changes))
    assert error.code == code
    assert field in str(error)
    assert "i1" in str(error)


def test_an_empty_value_is_not_a_deletion() -> None:
    assert refusal(b"").code == "empty_value"
