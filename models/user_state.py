"""All that is kept of one user: recent history, what was seen, taste, profile, how far the topic was applied."""

import struct
from array import array
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.events import BUYING, IMPRESSION, Event
from models.evidence import NOTHING, Evidence
from models.history import History, HistoryEntry
from models.ids import event_hash, item_key
from models.packing import Reader, column_bytes, contains, head
from models.profile import Profile
from models.taste import HALF_LIFE_S, Taste, Vector
from models.watermarks import Watermarks

SEEN_BOUND = 4_096
"""Items remembered as seen, 8 bytes each: past it the oldest may be recommended again."""

_KIND, _VERSION = b"U", 3
_SEEN = struct.Struct("<H")


class UserState:
    """One user's row; `fold` learns an event, everything else asks.

    A redelivered event (at or below the watermark of its partition) and a repeated event id change nothing.
    A late event takes its place by event time; what was told of later ones stays as it was. An unknown item
    (no vector) counts at once; its share of the taste waits.

    >>> user = UserState()
    >>> def view(item_id: str, offset: int) -> Event:
    ...     return Event("u", item_id, "view", 1.0, None, 1_000 + offset, (0, offset), offset)
    >>> first, second, again = (user.fold(event) for event in (view("a", 0), view("b", 1), view("b", 1)))
    >>> len(second.predecessors), again is None, user.seen("a")
    (1, True, True)
    """

    __slots__ = ("_seen", "history", "profile", "taste", "watermarks")

    def __init__(self, half_life_s: float = HALF_LIFE_S) -> None:
        self.history = History()
        self.taste = Taste(half_life_s)
        self.profile = Profile()
        self.watermarks = Watermarks()
        self._seen: array[int] = array("Q")

    def fold(self, event: Event, vector: Vector | None = None) -> Evidence | None:
        """Learn one event; the evidence to send, or None for a duplicate and for an impression.

        `vector`: float32 (dim,), the item's embedding, None while unknown. O(1) but for moving some bytes.
        """
        vectors = {} if vector is None else {event.item_id: vector}
        evidence = self.fold_record([event], vectors)
        return evidence[0] if evidence else None

    def fold_record(
        self, events: Sequence[Event], vectors: Mapping[str, Vector], place: tuple[int, int] | None = None
    ) -> list[Evidence]:
        """Learn the events of one record (a basket has one a line, all of one origin): the evidence to send.

        `vectors`: float32 (dim,) of the items that have one. `place`: what this row's watermark goes by, if
        not by the events' origin. Empty for a duplicate.
        """
        if not events or not self.watermarks.advance(place or events[0].origin):
            return []
        learned = (self._learn(event, vectors.get(event.item_id)) for event in events)
        return [evidence for evidence in learned if evidence is not None]

    def waiting_items(self) -> list[str]:
        """Items in the history whose vector was unknown when their event came."""
        history = self.history
        if 1 not in history.waiting:
            return []
        return [item for item, waits in zip(history.item_ids, history.waiting, strict=True) if waits]

    def supply_vector(self, item_id: str, vector: Vector) -> bool:
        """Fold the shares of the taste that waited for this item's vector; False when none did."""
        history = self.history
        places = [place for place, item in enumerate(history.item_ids) if item == item_id and history.waiting[place]]
        for place in places:
            self.taste.learn_one(vector, history.weights[place], history.times_ms[place])
            history.waiting[place] = 0
        return bool(places)

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

    def pack(self) -> bytes:
        """Versioned bytes, little-endian: 46 an event kept, 8 an item seen, 4 a dimension of taste."""
        return b"".join(
            (
                head(_KIND, _VERSION),
                self.watermarks.pack(),
                self.history.pack(),
                _SEEN.pack(len(self._seen)),
                column_bytes(self._seen),
                self.taste.pack(),
                self.profile.pack(),
            )
        )

    @classmethod
    def unpack(cls, data: bytes, half_life_s: float = HALF_LIFE_S) -> "UserState":
        """Read `pack`'s bytes; raises ValueError on torn or alien ones."""
        reader = Reader(data, _KIND, _VERSION)
        user = cls.__new__(cls)
        user.watermarks = Watermarks.read(reader)
        user.history = History.read(reader)
        (seen,) = reader.fields(_SEEN)
        user._seen = reader.ints("Q", int(seen))
        user.taste = Taste.read(reader, half_life_s)
        user.profile = Profile.read(reader)
        reader.end()
        return user

    def _learn(self, event: Event, vector: Vector | None) -> Evidence | None:
        hashed = event_hash(event.event_id) if event.event_id else 0
        if event.kind == IMPRESSION or (hashed and self.history.holds(hashed)):
            return None
        if vector is not None:
            self.taste.learn_one(vector, event.weight, event.time_ms)
        waiting, bought = vector is None, event.kind in BUYING
        place = self.history.insert(
            HistoryEntry(event.item_id, event.time_ms, event.origin, event.weight, hashed, waiting, bought)
        )
        bought_with = None if place is None else self.history.bought_with(place)
        return Evidence(
            item_id=event.item_id,
            origin=event.origin,
            clock=event.clock,
            time_ms=event.time_ms,
            weight=event.weight,
            first=self._see(item_key(event.item_id)),
            predecessors=NOTHING if place is None else self.history.predecessors(place),
            bought=bought_with is not None,
            bought_with=NOTHING if bought_with is None else bought_with,
        )

    def _see(self, key: int) -> bool:
        if contains(self._seen, key):
            return False
        self._seen.append(key)
        if len(self._seen) > SEEN_BOUND:
            del self._seen[0]
        return True
