"""Evidence survives its trip as bytes, and bytes that are none are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evidence import Evidence
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


@given(st.data())
def test_torn_bytes_are_refused(data: st.DataObject) -> None:
    packed = evidence(3, ["x", "y"]).pack()
    size = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(ValueError, match="packed 'E' row"):
        Evidence.unpack(packed[:size])


@pytest.mark.parametrize("alien", [b"", b'{"item_id": "b"}', b"E\x07", b"U\x01"])
def test_alien_bytes_are_refused(alien: bytes) -> None:
    with pytest.raises(ValueError, match="expected b'E"):
        Evidence.unpack(alien)


def test_bytes_too_many_are_refused() -> None:
    with pytest.raises(ValueError, match="1 bytes too many"):
        Evidence.unpack(evidence().pack() + b"\0")
