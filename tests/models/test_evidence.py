"""Evidence survives its trip as bytes, and bytes that are none are refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.ids import sparse_index
from models.state.evidence import Evidence
from tests.models.builders import evidence

ids = st.text(min_size=1, max_size=20)


@given(ids, st.lists(ids, max_size=50), st.integers(0, 2**62), st.integers(0, 2**31))
def test_unpacked_evidence_equals_the_packed_one(
    item_id: str, predecessors: list[str], offset: int, partition: int
) -> None:
    packed = evidence(offset, predecessors, item_id=item_id, partition=partition, first=False).pack()
    again = Evidence.unpack(packed)
    assert again.pack() == packed
    assert (again.item_id, again.origin, again.first) == (item_id, (partition, offset), False)


@given(ids, st.lists(ids, max_size=50), st.none() | st.floats(0, 10, width=32))
def test_what_was_bought_and_the_stars_survive(item_id: str, others: list[str], rating: float | None) -> None:
    bought_with = np.array([sparse_index(name) for name in others], dtype=np.uint32)
    again = Evidence.unpack(
        replace(evidence(item_id=item_id), bought=True, bought_with=bought_with, rating=rating).pack()
    )
    assert (again.bought, again.bought_with.tolist(), again.rating) == (True, bought_with.tolist(), rating)


@given(st.data())
def test_truncated_bytes_are_refused(data: st.DataObject) -> None:
    packed = evidence(3, ["x", "y"]).pack()
    size = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match="packed 'E' row"):
        Evidence.unpack(packed[:size])


@pytest.mark.parametrize("malformed", [b"", b'{"item_id": "b"}', b"E\x07", b"U\x01"])
def test_malformed_bytes_are_refused(malformed: bytes) -> None:
    with pytest.raises(ValueError, match="expected b'E"):
        Evidence.unpack(malformed)


@pytest.mark.parametrize("rating", [float("inf"), -2e6])
def test_stars_out_of_range_are_refused(rating: float) -> None:
    with pytest.raises(ValueError, match="are no stars"):
        Evidence.unpack(evidence(rating=rating).pack())


def test_bytes_too_many_are_refused() -> None:
    with pytest.raises(ValueError, match="1 bytes too many"):
        Evidence.unpack(evidence().pack() + b"\0")
