"""Records about a person: identify, profile, erase."""

from typing import Any

import pytest

from tests.records.builders import NOW_MS, encoded, interaction
from workers.errors import BadRecordError
from workers.records.event import UserEvent, decode_event
from workers.records.interaction import Interaction, decode_interaction
from workers.records.person import Erase, Identify, Profile


def decoded(event_type: str, key: bytes | None = None, **fields: Any) -> UserEvent:
    return decode_event(encoded({"event_type": event_type, **fields}), key, NOW_MS, future_tolerance_ms=1000)


def refusal(event_type: str, key: bytes | None = None, **fields: Any) -> BadRecordError:
    with pytest.raises(BadRecordError) as refused:
        decoded(event_type, key, **fields)
    return refused.value


def profile(**fields: Any) -> Profile:
    found = decoded("profile", user_id="u1", **fields)
    assert isinstance(found, Profile)
    return found


def test_an_interaction_is_decoded_as_ever() -> None:
    value = interaction(session_id="s")
    assert decode_event(value, None, NOW_MS) == decode_interaction(value, None, NOW_MS)
    assert isinstance(decode_event(value, None, NOW_MS), Interaction)


def test_an_identify_belongs_to_the_guest_whose_row_it_closes() -> None:
    found = decoded("identify", user_id="u1", anonymous_id="guest", event_id="e", event_time=NOW_MS - 5)
    assert isinstance(found, Identify)
    assert (found.subject, found.user_id, found.event_id, found.event_time) == ("guest", "u1", "e", NOW_MS - 5)


def test_the_key_of_an_identify_is_the_guest() -> None:
    found = decoded("identify", b"guest", user_id="u1")
    assert isinstance(found, Identify)
    assert (found.anonymous_id, found.user_id) == ("guest", "u1")


def test_a_user_is_not_identified_as_itself() -> None:
    assert refusal("identify", user_id="u1", anonymous_id="u1").code == "invalid_id"
    assert refusal("identify", b"u1", user_id="u1").code == "invalid_id"


def test_an_identify_needs_both() -> None:
    assert refusal("identify", user_id="u1").code == "missing_field"
    assert refusal("identify", b"guest").code == "missing_field"


def test_an_erase_names_a_user_or_a_guest_or_has_a_key() -> None:
    for found in (decoded("erase", user_id="x"), decoded("erase", anonymous_id="x"), decoded("forget", b"x")):
        assert isinstance(found, Erase)
        assert found.subject == "x"
    assert refusal("erase").code == "missing_field"


def test_a_guest_is_not_erased_under_the_keys_name() -> None:
    assert decoded("erase", b"u1", anonymous_id="guest").subject == "guest"


def test_a_profile_carries_attributes_and_preferences() -> None:
    found = profile(
        attributes={"age_group": "25-34", "member": True, "likes": ["noir", "crime"], "job": None},
        preferred_categories=["film", "film", " series "],
    )
    assert found.attributes == {"age_group": "25-34", "member": True, "likes": ("noir", "crime"), "job": None}
    assert found.preferred_categories == ("film", "series")


def test_preferences_that_are_not_named_differ_from_none_at_all() -> None:
    assert profile().preferred_categories is None
    assert profile(preferred_categories=[]).preferred_categories == ()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"attributes": []}, "wrong_type"),
        ({"attributes": {"a": {"b": 1}}}, "wrong_type"),
        ({"attributes": {"a" * 257: 1}}, "too_large"),
        ({"attributes": {str(n): n for n in range(257)}}, "too_large"),
        ({"attributes": {"a": "x" * 20_000}}, "too_large"),
        ({"preferred_categories": [str(n) for n in range(65)]}, "too_large"),
        ({"preferred_categories": 5}, "wrong_type"),
        ({"user_id": ""}, "invalid_id"),
        ({"event_time": "soon"}, "invalid_time"),
    ],
)
def test_a_bad_profile_is_refused(fields: dict[str, Any], code: str) -> None:
    assert refusal("profile", b"u1", **fields).code == code


@pytest.mark.parametrize("event_type", ["identify", "erase", "profile"])
def test_a_time_in_the_future_is_moved_to_the_record(event_type: str) -> None:
    found = decoded(event_type, user_id="u1", anonymous_id="g", event_time=NOW_MS + 1001)
    assert (found.event_time, found.time_clamped) == (NOW_MS, True)


@pytest.mark.parametrize("event_type", ["identify", "erase", "profile"])
def test_an_interaction_decoder_knows_no_people(event_type: str) -> None:
    with pytest.raises(BadRecordError) as refused:
        decode_interaction(encoded({"event_type": event_type, "user_id": "u1", "anonymous_id": "g"}), None, NOW_MS)
    assert refused.value.code == "unknown_event_type"
