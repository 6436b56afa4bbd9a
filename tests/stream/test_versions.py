"""Recovery meets rows of another version, and notes."""

import pytest

from models.state import user_state
from models.state.user_state import UserState
from workers.errors import ConfigurationError
from workers.stream.table import NOTE_KEY, Table, TablePartition


def partition() -> TablePartition[UserState]:
    table = Table(
        "changelog",
        lambda key, packed: UserState.unpack(packed),
        lambda key: UserState(),
        kind=user_state.KIND,
        version=user_state.VERSION,
    )
    return table.blank_partition()


def test_a_row_of_another_version_is_refused_with_the_remedy() -> None:
    packed = UserState().pack()
    later = packed[:1] + bytes([packed[1] + 1]) + packed[2:]
    said = rf"of version {later[1]} \(row of 'a' in .* run `tastestream rebuild`"
    with pytest.raises(ConfigurationError, match=said):
        partition().load(b"a", later)


def test_a_row_of_our_version_is_taken() -> None:
    rows = partition()
    rows.load(b"a", UserState().pack())
    assert rows.get("a") is not None


def test_a_note_is_no_row() -> None:
    rows = partition()
    rows.load(NOTE_KEY, b"begins late")
    assert (rows.note, list(rows.keys())) == ("begins late", [])
