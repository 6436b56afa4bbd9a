"""A guest's row on its way to the user who the guest turned out to be: the only message between users' rows."""

import struct
from dataclasses import dataclass

from models.primitives.packing import Reader, head
from models.state.user_state import UserState

_KIND, _VERSION = b"M", 1
_FIXED = struct.Struct("<qHI")


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """All that was known of `guest_id` at the `identify` of `time_ms` (epoch ms), as its packed row.

    A receiver merges it once, by the place of the `identify`; evidence is not sent again.
    """

    guest_id: str
    time_ms: int
    row: bytes

    def guest(self) -> UserState:
        """The guest's row, a copy of the receiver's own; raises ValueError on truncated or malformed bytes."""
        return UserState.unpack(self.row)

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: 16 + length of the id + the row.

        >>> merge = Merge("guest-1", 1_000, UserState().pack())
        >>> again = Merge.unpack(merge.pack())
        >>> again.guest_id, again.time_ms, len(again.guest().history)
        ('guest-1', 1000, 0)
        """
        guest_id = self.guest_id.encode()
        fixed = _FIXED.pack(self.time_ms, len(guest_id), len(self.row))
        return b"".join((head(_KIND, _VERSION), fixed, guest_id, self.row))

    @classmethod
    def unpack(cls, data: bytes) -> "Merge":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones, the guest's row included."""
        reader = Reader(data, _KIND, _VERSION)
        time_ms, id_size, row_size = map(int, reader.fields(_FIXED))
        merge = cls(reader.text(id_size), time_ms, reader.raw(row_size))
        reader.end()
        merge.guest()
        return merge
