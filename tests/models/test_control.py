"""What owners say in the log of evidence comes back as it went, and nothing else is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.state.control import Bound, Drop, control_of
from tests.models.builders import evidence, retraction

IDS = st.lists(st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable()), max_size=8).map(tuple)


@given(IDS)
def test_a_drop_comes_back_as_it_went(item_ids: tuple[str, ...]) -> None:
    assert control_of(Drop(item_ids).pack()) == Drop(item_ids)


@given(st.integers(1, 2**32 - 1))
def test_a_bound_comes_back_as_it_went(entries: int) -> None:
    assert control_of(Bound(entries).pack()) == Bound(entries)


def test_evidence_says_nothing_to_all() -> None:
    piece = evidence(0, ["a"])
    assert control_of(piece.pack()) is None
    assert control_of(retraction(1, piece).pack()) is None
    assert control_of(b"") is None


@pytest.mark.parametrize("control", [Drop(("a", "é")), Bound(200)], ids=["drop", "bound"])
def test_truncated_longer_or_of_another_version_it_is_refused(control: Drop | Bound) -> None:
    packed = control.pack()
    for malformed in (*(packed[:size] for size in range(1, len(packed))), packed + b"\0", packed[:1] + b"\x63"):
        with pytest.raises(ValueError):
            control_of(malformed)


def test_a_bound_of_no_entries_is_refused() -> None:
    with pytest.raises(ValueError, match="no entries"):
        Bound.unpack(Bound(0).pack())


def test_an_id_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError):
        Drop.unpack(Drop(("ab",)).pack().replace(b"ab", b"\xff\xfe"))
