"""The evidence that a user's history gave about items, to be taken back when the user is to be forgotten."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

from models.state.events import event_clock
from models.state.evidence import NOTHING, Evidence, Retraction
from models.state.history import BOUGHT, FIRST, GUESTS, History, HistoryEntry


def evidence_of(history: History, count: int, partitions: int) -> list[Evidence]:
    """The evidence that the oldest `count` events gave, as far as the history still says.

    The events are learned once more, in the order in which they happened; a guest's among themselves, and a user's
    own with those of the guests known by then. That is exactly what was sent if events came in that order, and
    none had left the history. `partitions` of `user-interactions`, for the clock. O(count²) bytes to move.
    """
    entries = list(islice(history.entries(), count))
    guests: dict[int, list[HistoryEntry]] = defaultdict(list)
    for entry in entries:
        if entry.group > GUESTS:
            guests[entry.group - GUESTS].append(entry)
    pieces = [piece for group in guests.values() for piece in _learned(group, {}, partitions)]
    return pieces + _learned([entry for entry in entries if entry.group <= GUESTS], guests, partitions)


def retractions(pieces: Iterable[Evidence], origin: tuple[int, int]) -> list[Retraction]:
    """One for each item; `origin` is that of the record that says to forget."""
    by_item: dict[str, list[Evidence]] = {}
    for piece in pieces:
        by_item.setdefault(piece.item_id, []).append(piece)
    return [Retraction(item_id, origin, tuple(found)) for item_id, found in by_item.items()]


def _learned(entries: Sequence[HistoryEntry], guests: dict[int, list[HistoryEntry]], partitions: int) -> list[Evidence]:
    history, merged, pieces = History(), 0, []
    for entry in entries:
        while guests and merged < entry.group:
            merged += 1
            for guest_entry in guests.get(merged, ()):
                history.insert(guest_entry)
        pieces.append(_piece(history, entry, partitions))
    return pieces


def _piece(history: History, entry: HistoryEntry, partitions: int) -> Evidence:
    position = history.insert(entry)
    bought_with = history.bought_with(position) if position is not None and entry.flags & BOUGHT else None
    return Evidence(
        item_id=entry.item_id,
        origin=entry.origin,
        clock=event_clock(entry.origin[1], partitions),
        time_ms=entry.time_ms,
        weight=entry.weight,
        first=bool(entry.flags & FIRST),
        predecessors=NOTHING if position is None else history.predecessors(position),
        bought=bought_with is not None,
        rating=None if entry.stars != entry.stars else entry.stars,
        bought_with=NOTHING if bought_with is None else bought_with,
    )
