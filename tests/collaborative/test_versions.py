"""Which slot answers, which one is filled next, and what can be gone back to."""

import pytest

from workers.control.versions import ACTIVE, Pointer, Version, Versions, encode
from workers.errors import BadRecordError, ConfigurationError


def holding(*held: tuple[str, int, bool], active: int | None = None, previous: int | None = None) -> Versions:
    """What the topic says after these records: (slot, version, ready), and the pointer."""
    versions = Versions()
    for slot, version, ready in held:
        versions.load(slot.encode(), encode(Version(version, slot, "test", 3, ready=ready)))
    versions.load(ACTIVE.encode(), encode(Pointer(active, previous)))
    return versions


def test_nothing_answers_before_something_is_activated() -> None:
    assert Versions().active_slot() is None
    assert holding(("a", 1, True)).active_slot() is None


def test_the_slot_that_answers_is_never_filled() -> None:
    assert Versions().free_slot() == "a"
    assert holding(("a", 1, True), active=1).free_slot() == "b"
    assert holding(("a", 3, True), ("b", 2, True), active=3, previous=2).free_slot() == "b"
    assert holding(("a", 3, True), ("b", 2, True), active=2, previous=3).free_slot() == "a"


def test_of_two_silent_slots_the_empty_or_the_older_is_filled() -> None:
    assert holding(("a", 1, True)).free_slot() == "b"
    assert holding(("a", 5, True), ("b", 2, True)).free_slot() == "b"


def test_a_slot_that_is_filled_again_answers_no_more_at_once() -> None:
    versions = holding(("a", 1, True), active=1)
    versions.load(b"a", encode(Version(2, "a", "test", 3)))
    assert versions.active_slot() is None


def test_going_back_twice_is_where_one_was() -> None:
    versions = holding(("a", 1, True), ("b", 2, True), active=1)
    versions.pointer = versions.activated(2)
    assert (versions.pointer, versions.active_slot()) == (Pointer(2, 1), "b")
    versions.pointer = versions.rolled_back()
    assert (versions.pointer, versions.active_slot()) == (Pointer(1, 2), "a")
    assert versions.rolled_back() == Pointer(2, 1)


def test_before_the_first_version_there_was_none() -> None:
    assert holding(("a", 1, True), active=1).rolled_back() == Pointer(None, 1)


@pytest.mark.parametrize(("version", "says"), [(2, "not complete"), (9, "in no slot")])
def test_what_is_not_there_can_not_answer(version: int, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        holding(("a", 1, True), ("b", 2, False), active=1).activated(version)


def test_a_version_that_was_overwritten_can_not_be_gone_back_to() -> None:
    versions = holding(("a", 1, True), ("b", 3, False), active=1, previous=2)
    with pytest.raises(ConfigurationError, match="2 is in no slot"):
        versions.rolled_back()
    with pytest.raises(ConfigurationError, match="nothing was ever activated"):
        Versions().rolled_back()


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"a", b"{}"), (b"c", b"{}"), (None, None), (b"active", b'{"active":"x","previous":null}'), (b"a", b"\xff")],
)
def test_malformed_records_are_refused(key: bytes | None, value: bytes | None) -> None:
    with pytest.raises(BadRecordError):
        Versions().load(key, value)
