"""All that is kept of one user or guest: recent history, what was seen, taste, profile, and what was applied."""

import struct
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import event_hash, item_key
from models.primitives.packing import Reader, column_bytes, contains, head
from models.state.events import BUYING, RATING, SILENT, Event
from models.state.evidence import NOTHING, Evidence
from models.state.forgetting import evidence_of
from models.state.history import BOUGHT, FIRST, GUESTS, NO_STARS, History, HistoryEntry
from models.state.identity import Identity
from models.state.profile import Profile
from models.state.taste import HALF_LIFE_S, Taste, Vector
from models.state.waiting import WaitingShares
from models.state.watermarks import Watermarks

SEEN_BOUND = 4_096
"""Items remembered as seen, 8 bytes each: past it the oldest may be recommended again."""

KIND, VERSION = b"U", 5
_SEEN = struct.Struct("<H")


class UserState:
    """One user's row; `fold` learns an event, `merge` a guest, `forget` takes back; everything else asks.

    A redelivered event (at or below the watermark of its partition) and a repeated event id change nothing.
    A late event takes its place by event time; the evidence of later ones stays as it was. An unknown item
    (no vector) counts at once; its share of the taste waits. An event that an order to forget covers is dropped.

    >>> user = UserState()
    >>> def view(item_id: str, offset: int) -> Event:
    ...     return Event("u", item_id, "view", 1.0, None, 1_000 + offset, (0, offset), offset)
    >>> first, second, again = (user.fold(event) for event in (view("a", 0), view("b", 1), view("b", 1)))
    >>> len(second.predecessors), again is None, user.seen("a")
    (1, True, True)
    """

    __slots__ = ("_seen", "history", "identity", "profile", "taste", "waiting", "watermarks")

    def __init__(self, half_life_s: float = HALF_LIFE_S) -> None:
        self.history = History()
        self.taste = Taste(half_life_s)
        self.waiting = WaitingShares(half_life_s)
        self.profile = Profile()
        self.identity = Identity()
        self.watermarks = Watermarks()
        self._seen: array[int] = array("Q")

    def fold(self, event: Event, vector: Vector | None = None) -> Evidence | None:
        """Learn one event; the evidence to send, or None for a duplicate and for what says nothing about an item.

        `vector`: float32 (dim,), the item's embedding, None while unknown. O(1) but for moving some bytes.
        """
        if not self.watermarks.advance(event.origin):
            return None
        vectors = {} if vector is None else {event.item_id: vector}
        evidence = self.learn([event], vectors)
        return evidence[0] if evidence else None

    def learn(self, events: Sequence[Event], vectors: Mapping[str, Vector]) -> list[Evidence]:
        """Learn the events of one record (a basket has one a line) that is new to the watermarks.

        The evidence to send, empty for a duplicate. `vectors`: float32 (dim,) of the items that have one.
        """
        learned = (self._learn(event, vectors.get(event.item_id)) for event in events)
        return [evidence for evidence in learned if evidence is not None]

    def supply_vector(self, item_id: str, vector: Vector) -> bool:
        """Fold the shares of the taste that waited for this item's vector; False when none did."""
        share = self.waiting.take(item_id)
        if share is None:
            return False
        self.taste.learn_one(vector, *share)
        return True

    def seal(self, user_id: str, time_ms: int) -> bytes:
        """This guest is that user, from an `identify` of `time_ms`: the row to merge there, packed; it ends empty."""
        packed = self.pack()
        self.history, self.profile, self._seen = History(), Profile(), array("Q")
        self.taste.clear()
        self.waiting.clear()
        self.identity.seal(user_id, time_ms)
        return packed

    def merge(
        self, guest: "UserState", guest_id: str, time_ms: int, vectors: Mapping[str, Vector], partitions: int
    ) -> tuple[list[Evidence], list[str]]:
        """Take over a guest's row; the evidence to take back, and guests to forget, as of `forget`.

        These are empty but for what an order to forget this user covers. Events go to their places by time, one
        whose event id is here already is dropped with its share of the taste, other shares add up, and those that
        wait go on waiting. `vectors`: as of `learn`.
        """
        erased_ms = self.identity.erased_ms
        forgotten, gone = guest.forget(erased_ms, partitions) if erased_ms >= 0 else ([], [])
        group = GUESTS + self.identity.welcome(guest_id, time_ms, guest.identity.guests)
        self.taste.merge(guest.taste)
        self.waiting.merge(guest.waiting)
        for entry in guest.history.entries():
            if entry.event_hash and self.history.holds(entry.event_hash):
                self._share(entry.item_id, -entry.weight, entry.time_ms, vectors.get(entry.item_id))
            else:
                self.history.insert(replace(entry, group=group))
        for key in guest._seen:
            self._see(key)
        self.profile.merge(guest.profile)
        return forgotten, gone + self.identity.forget(erased_ms)

    def forget(self, until_ms: int, partitions: int) -> tuple[list[Evidence], list[str]]:
        """Forget what happened at `until_ms` or before; the evidence to take back, and guests to forget as well.

        What happened later stays as far as the history holds it: its shares of the taste are learned again.
        `partitions` of `user-interactions`, for the clock.
        """
        gone = self.history.until(until_ms)
        forgotten = evidence_of(self.history, gone, partitions)
        self.history.drop(gone)
        self.profile.forget(until_ms)
        self.taste.clear()
        self.waiting.clear()
        for entry in self.history.entries():
            self._share(entry.item_id, entry.weight, entry.time_ms, None)
        self._seen = array("Q", dict.fromkeys(map(item_key, self.history.item_ids)))
        return forgotten, self.identity.forget(until_ms)

    def without(self, item_id: str, vector: Vector | None) -> "UserState":
        """A copy as it would be, had the events on an item never happened; exact as far as the history holds them.

        `vector`: float32 (dim,), the item's embedding by which the taste learned them. O(row).
        """
        copy = UserState.unpack(self.pack(), self.taste.half_life_s)
        if vector is not None:
            copy.supply_vector(item_id, vector)
        for entry in copy.history.take_out(item_id):
            if vector is not None:
                copy.taste.revert_one(vector, entry.weight, entry.time_ms)
        copy.waiting.take(item_id)
        if not len(copy.history):
            copy.taste.clear()
        copy._seen = array("Q", [key for key in copy._seen if key != item_key(item_id)])
        return copy

    @property
    def last_time_ms(self) -> int | None:
        """Time of the newest event, epoch ms; None before the first."""
        return self.history.times_ms[-1] if len(self.history) else None

    def seen(self, item_id: str) -> bool:
        """Whether the user already had this item."""
        return contains(self._seen, item_key(item_id))

    def seen_keys(self) -> NDArray[np.uint64]:
        """Keys of all items that the user had, uint64 (≤ 4096,), in order of arrival."""
        return np.array(self._seen, dtype=np.uint64)

    def marks(self) -> Mapping[int, int]:
        """The last offset applied of each origin."""
        return self.watermarks

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: at most 42 and an id an event kept, 8 an item seen, taste, profile."""
        return b"".join(
            (
                head(KIND, VERSION),
                self.watermarks.pack(),
                self.history.pack(),
                _SEEN.pack(len(self._seen)),
                column_bytes(self._seen),
                self.taste.pack(),
                self.waiting.pack(),
                self.profile.pack(),
                self.identity.pack(),
            )
        )

    @classmethod
    def unpack(cls, data: bytes, half_life_s: float = HALF_LIFE_S) -> "UserState":
        """Read `pack`'s bytes; raises ValueError on truncated or malformed ones."""
        reader = Reader(data, KIND, VERSION)
        user = cls.__new__(cls)
        user.watermarks = Watermarks.read(reader)
        user.history = History.read(reader)
        (seen,) = reader.fields(_SEEN)
        user._seen = reader.ints("Q", int(seen))
        user.taste = Taste.read(reader, half_life_s)
        user.waiting = WaitingShares.read(reader, half_life_s)
        user.profile = Profile.read(reader)
        user.identity = Identity.read(reader)
        reader.end()
        return user

    def _learn(self, event: Event, vector: Vector | None) -> Evidence | None:
        hashed = event_hash(event.event_id) if event.event_id else 0
        if event.kind in SILENT or event.time_ms <= self.identity.erased_ms or (hashed and self.history.holds(hashed)):
            return None
        self._share(event.item_id, event.weight, event.time_ms, vector)
        first = self._see(item_key(event.item_id))
        stars = event.value if event.kind == RATING else None
        entry = HistoryEntry(
            event.item_id,
            event.time_ms,
            event.published or event.origin,
            event.weight,
            hashed,
            first * FIRST | (event.kind in BUYING) * BOUGHT,
            NO_STARS if stars is None else stars,
            self.identity.merges,
        )
        position = self.history.insert(entry)
        bought_with = None if position is None else self.history.bought_with(position)
        return Evidence(
            item_id=event.item_id,
            origin=event.origin,
            clock=event.clock,
            time_ms=event.time_ms,
            weight=event.weight,
            first=first,
            predecessors=NOTHING if position is None else self.history.predecessors(position),
            bought=bought_with is not None,
            rating=stars,
            bought_with=NOTHING if bought_with is None else bought_with,
        )

    def _share(self, item_id: str, weight: float, time_ms: int, vector: Vector | None) -> None:
        """Add an event's share to the taste, once the vector is known; a negative weight takes it back."""
        if vector is None:
            self.waiting.add(item_id, weight, time_ms)
        else:
            self.taste.learn_one(vector, weight, time_ms)

    def _see(self, key: int) -> bool:
        if contains(self._seen, key):
            return False
        self._seen.append(key)
        if len(self._seen) > SEEN_BOUND:
            del self._seen[0]
        return True
