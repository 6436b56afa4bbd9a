"""Whose row it is: of a guest who turned out to be a user, of a user who was a guest, of a user to be forgotten."""

import struct
from collections.abc import Iterable

from models.primitives.packing import Reader

GUESTS_BOUND = 64
"""Guests remembered of one user: an order to forget does not reach those who were merged before them."""

MAX_MERGES = 127
"""Merges that history distinguishes; the events of later guests count as events of the last of these."""

_NEVER = -1
_FIXED = struct.Struct("<qqBHB")
_GUEST = struct.Struct("<qH")


class Identity:
    """What is known of the person behind a row, beside what they did.

    `user_id`: who a guest turned out to be, at `sealed_ms`; empty while that is open. `guests`: ids of the guests
    merged into this user, each with the time of its `identify`, oldest first. `erased_ms`: what happened then or
    before is to stay forgotten; -1 if nothing is. All times are event times in epoch ms.

    >>> identity = Identity()
    >>> identity.welcome("guest-1", 1_000), identity.welcome("guest-2", 2_000)
    (1, 2)
    >>> identity.forget(1_500), identity.guests
    (['guest-1'], [('guest-2', 2000)])
    """

    __slots__ = ("erased_ms", "guests", "merges", "sealed_ms", "user_id")

    def __init__(self) -> None:
        self.user_id = ""
        self.sealed_ms = _NEVER
        self.erased_ms = _NEVER
        self.merges = 0
        self.guests: list[tuple[str, int]] = []

    def seal(self, user_id: str, time_ms: int) -> None:
        """Note who the guest is; guests of its own are the user's from now on."""
        self.user_id, self.sealed_ms = user_id, time_ms
        self.merges = 0
        self.guests.clear()

    def welcome(self, guest_id: str, time_ms: int, guests_of_guest: Iterable[tuple[str, int]] = ()) -> int:
        """Note a guest that is merged into this user; the number of this merge, from 1."""
        known = dict(self.guests) | dict(guests_of_guest) | {guest_id: time_ms}
        self.guests = sorted(known.items(), key=lambda guest: (guest[1], guest[0]))[-GUESTS_BOUND:]
        self.merges = min(self.merges + 1, MAX_MERGES)
        return self.merges

    def forget(self, until_ms: int) -> list[str]:
        """Forget what was so at `until_ms` or before; the guests who are to be forgotten with it."""
        self.erased_ms = max(self.erased_ms, until_ms)
        gone = [guest_id for guest_id, time_ms in self.guests if time_ms <= until_ms]
        self.guests = [guest for guest in self.guests if guest[1] > until_ms]
        if self.sealed_ms <= until_ms:
            self.user_id, self.sealed_ms = "", _NEVER
        return gone

    def pack(self) -> bytes:
        """Fixed fields, ids; 20 bytes for most people."""
        user_id = self.user_id.encode()
        parts = [_FIXED.pack(self.erased_ms, self.sealed_ms, self.merges, len(user_id), len(self.guests)), user_id]
        for guest_id, time_ms in self.guests:
            encoded = guest_id.encode()
            parts += (_GUEST.pack(time_ms, len(encoded)), encoded)
        return b"".join(parts)

    @classmethod
    def read(cls, reader: Reader) -> "Identity":
        """Read `pack`'s bytes; raises ValueError on truncated ones."""
        identity = cls()
        identity.erased_ms, identity.sealed_ms, identity.merges, size, count = map(int, reader.fields(_FIXED))
        identity.user_id = reader.text(size)
        for _ in range(count):
            time_ms, size = map(int, reader.fields(_GUEST))
            identity.guests.append((reader.text(size), time_ms))
        return identity
