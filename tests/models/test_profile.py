"""A profile is the newest word on each attribute, in any order of arrival, within its bound."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.primitives.packing import Reader
from models.state.profile import MAX_BYTES, Profile

values = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2)
)
sayings = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.dictionaries(st.sampled_from("abc"), values, max_size=3),
        st.none() | st.lists(st.sampled_from(["film", "food"]), max_size=2),
    ),
    max_size=8,
)
Saying = tuple[int, dict[str, Any], list[str] | None]


def said(numbered: list[tuple[int, Saying]]) -> Profile:
    profile = Profile()
    for offset, (time_ms, attributes, categories) in numbered:
        profile.learn((time_ms, 0, offset), attributes, categories)
    return profile


@given(sayings, st.randoms(use_true_random=False))
def test_every_order_of_arrival_gives_the_same_profile(found: list[Saying], chance: Any) -> None:
    numbered = list(enumerate(found))
    assert said(chance.sample(numbered, len(numbered))).pack() == said(numbered).pack()


@given(sayings, st.integers(0, 8))
def test_a_guests_profile_merges_like_records_of_the_user(found: list[Saying], cut: int) -> None:
    numbered = list(enumerate(found))
    merged = said(numbered[cut:])
    merged.merge(said(numbered[:cut]))
    assert merged.pack() == said(numbered).pack()


@given(sayings, st.integers(-1, 6))
def test_what_is_forgotten_leaves_what_was_said_later(found: list[Saying], until_ms: int) -> None:
    numbered = list(enumerate(found))
    profile = said(numbered)
    profile.forget(until_ms)
    assert profile.pack() == said([one for one in numbered if one[1][0] > until_ms]).pack()


@given(sayings)
def test_an_unpacked_profile_equals_the_packed_one(found: list[Saying]) -> None:
    profile = said(list(enumerate(found)))
    again = Profile.read(Reader(b"X\1" + profile.pack(), b"X", 1))
    assert again.pack() == profile.pack()
    assert again.attributes == profile.attributes


def test_a_removed_attribute_does_not_come_back_with_a_late_record() -> None:
    profile = Profile()
    profile.learn((20, 0, 1), {"country": None}, None)
    profile.learn((10, 0, 2), {"country": "FR"}, None)
    assert profile.attributes == {}


def test_categories_stay_until_a_record_replaces_them() -> None:
    profile = Profile()
    profile.learn((1, 0, 1), {}, ("film", "series"))
    profile.learn((2, 0, 2), {"country": "NL"}, None)
    assert profile.preferred_categories == ("film", "series")
    profile.learn((3, 0, 3), {}, ())
    assert not profile.preferred_categories


def test_past_its_bound_a_profile_drops_what_is_oldest() -> None:
    profile = Profile()
    for n in range(100):
        profile.learn((n, 0, n), {f"a{n}": "x" * 1_000}, None)
    assert len(profile.pack()) <= MAX_BYTES + 4
    assert "a99" in profile.attributes and "a0" not in profile.attributes
