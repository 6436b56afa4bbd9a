"""A layout of stored rows has a version of its own: a change of the one raises the other."""

from dataclasses import replace
from hashlib import sha256

import pytest

from models.state.user_state import UserState
from tests.models.builders import axis, event, evidence
from workers.admin.state.counts_row import CountsRow
from workers.items.rows import ItemRow
from workers.items.slots import VectorRecord

# Head and hash of the packed sample below. When this test fails, raise the version of the row that workers load
# (`UserState`, `ItemRow`, `ItemState`), whichever part of it changed: a worker then refuses the rows of before and asks
# for a rebuild. Then note the new pair here.
LAYOUTS = {
    "user": (b"U\x05", "f8673453223accb1"),
    "item": (b"R\x05", "62a14aa227bd92b2"),
    "counts": (b"I\x03", "c848ac224a11af4f"),
}


def sample() -> dict[str, bytes]:
    """Rows with something in every part."""
    user, item, counts = UserState(), ItemRow(), CountsRow.alone()
    for offset, (name, kind, value) in enumerate([("a", "view", None), ("b", "purchase", None), ("c", "rating", 4.5)]):
        user.fold(event(name, offset, kind=kind, value=value, event_id=name, partition=1), axis(offset))
    user.fold(event("d", 3, partition=1))
    user.profile.learn((5, 0, 1), {"country": "NL"}, ("film",))
    item.describe(b'{"title":"T"}', offset=7)
    piece = evidence(3, ["p", "q"], partition=1, clock=700)
    counts.use.apply(replace(piece, rating=4.5, bought=True, bought_with=piece.predecessors[:1]))
    item.slots.take(VectorRecord("i", "b", 9, axis(1)))
    return {"user": user.pack(), "item": item.pack(), "counts": counts.pack()}


@pytest.mark.parametrize("row", LAYOUTS)
def test_a_layout_that_changed_has_a_new_version(row: str) -> None:
    packed = sample()[row]
    assert (packed[:2], sha256(packed).hexdigest()[:16]) == LAYOUTS[row]
