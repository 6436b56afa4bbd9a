"""Each filter alone decides, and all must agree."""

from typing import Any

import pytest

from tests.dlq.builders import REFUSED_MS, letter
from workers.admin.dead_letters.filters import LetterFilter


@pytest.mark.parametrize(
    ("passing", "failing"),
    [
        ({"reasons": frozenset({"unknown_event_type", "x"})}, {"reasons": frozenset({"wrong_type"})}),
        ({"topics": frozenset({"user-interactions"})}, {"topics": frozenset({"item-catalog"})}),
        ({"partition": 3}, {"partition": 0}),
        ({"since_ms": REFUSED_MS}, {"since_ms": REFUSED_MS + 1}),
        ({"until_ms": REFUSED_MS + 1}, {"until_ms": REFUSED_MS}),
        ({"key": b"u1"}, {"key": b"u"}),
        ({"text": "TELEPORT"}, {"text": "beam"}),
        ({"max_attempt": 1}, {"max_attempt": 0}),
        ({"names": frozenset({"0:17"})}, {"names": frozenset({"0:18"})}),
    ],
)
def test_each_filter_decides(passing: dict[str, Any], failing: dict[str, Any]) -> None:
    assert LetterFilter(**passing).passes(letter())
    assert not LetterFilter(**failing).passes(letter())
    assert not LetterFilter(**{**passing, **failing, "reasons": frozenset({"none"})}).passes(letter())


def test_text_is_found_in_bytes_that_are_no_text() -> None:
    assert LetterFilter(text="torn").passes(letter(value=b"\xff torn \x00"))


def test_no_filter_lets_all_pass() -> None:
    assert LetterFilter().passes(letter(key=None, value=None))
