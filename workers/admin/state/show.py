"""One row for people (Kafka, read only)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from models.primitives.ids import sparse_index
from models.state.history import BOUGHT, History
from models.state.item_state import HALF_LIVES, TRANSITION_UNIT
from models.state.user_state import UserState
from workers.admin.state.changelog import read_counts, read_entries, read_user, row_of
from workers.admin.state.counts_row import CountsRow
from workers.errors import ConfigurationError
from workers.items.rows import ItemRow
from workers.messages.plurals import counted
from workers.settings import Settings
from workers.stream.table import Table

_SHOWN_EVENTS, _SHOWN_NEIGHBOURS = 20, 10
_BASKET = ("purchase", "add_to_cart")
# Rows hold weights as float32.
_SAME_WEIGHT = 1e-5


async def user_lines(settings: Settings, user_id: str) -> list[str]:
    """What the state holds of a user; raises ConfigurationError when that is nothing."""
    user = await read_user(settings, user_id)
    if user is None:
        raise ConfigurationError(f"there is no row of user {user_id!r}: no event of theirs was folded")
    shown = user.history.item_ids[-_SHOWN_EVENTS:]
    items = await read_entries(settings, shown)
    titles = {item_id: _title(items, item_id, settings.item_partitions) for item_id in shown}
    return list(describe_user(user_id, user, titles, settings.event_weights))


async def item_lines(settings: Settings, item_id: str) -> list[str]:
    """What the state holds of an item; raises ConfigurationError when that is nothing."""
    items, counts = await read_entries(settings), await read_counts(settings)
    entry, use = row_of(items, item_id), row_of(counts, item_id)
    if entry is None and use is None:
        raise ConfigurationError(f"there is no row of item {item_id!r}: neither catalog nor events named it")
    entry, use = entry or ItemRow(), use or CountsRow.alone()
    wanted = {index for _, largest, _ in _neighbours(use) for index, _ in largest}
    near = [key for key in {*_keys(items), *_keys(counts)} if sparse_index(key) in wanted]
    names = {sparse_index(key): _named(_title(items, key, settings.item_partitions), key) for key in near}
    return list(describe_item(item_id, entry, use, names))


def describe_user(
    user_id: str, user: UserState, titles: Mapping[str, str], event_weights: Mapping[str, float]
) -> Iterator[str]:
    """What is kept of a user, newest event first; `titles` by item id, empty where the catalog has none."""
    history = user.history
    kept = counted(len(history), "event")
    yield f"user {user_id}: {kept} kept, {counted(len(user.seen_keys()), 'item')} seen"
    yield f"  taste: {_length(user)}; {counted(len(user.waiting), 'item')} without a vector"
    yield f"  profile: {_profile(user)}"
    yield from _identity_lines(user)
    yield f"  applied up to: {_marks(user.watermarks)}"
    positions = range(len(history) - 1, -1, -1)[:_SHOWN_EVENTS]
    what = [_event(user, at, event_weights) for at in positions]
    width = max(map(len, what), default=0)
    for at, words in zip(positions, what, strict=True):
        named = _named(titles.get(history.item_ids[at], ""), history.item_ids[at])
        yield f"  {_time(history.times_ms[at])}  {words:{width}}  {named}"
    if len(history) > len(positions):
        yield f"  … {len(history) - len(positions)} older"


def event_words(history: History, at: int, event_weights: Mapping[str, float]) -> str:
    """What an event was, as far as its row says: stars or a weight, and types that weigh that much.

    `watch` weighs by its share: one that no type's weight fits is that, or came while other weights were set.
    """
    weight, flags, stars = history.weights[at], history.flags[at], history.stars[at]
    if not np.isnan(stars):
        words = f"rating {stars:g}"
    else:
        starless = {name: of_type for name, of_type in event_weights.items() if name != "rating"}  # those have stars
        fitting = [name for name, of_type in starless.items() if abs(of_type - weight) < _SAME_WEIGHT]
        bought = [name for name in fitting if name in _BASKET] if flags & BOUGHT else fitting
        words = f"{' or '.join(bought or fitting) or 'event'}, weight {weight:g}"
    return words


def _event(user: UserState, at: int, event_weights: Mapping[str, float]) -> str:
    words = event_words(user.history, at, event_weights)
    return f"{words}, no vector yet" if user.history.item_ids[at] in user.waiting else words


def describe_item(item_id: str, row: ItemRow, counts: CountsRow, names: Mapping[int, str]) -> Iterator[str]:
    """What is kept of an item, the largest counts first; `names` of neighbours by their number in the row."""
    use, entry = counts.use, row.entry()
    yield f"item {item_id}: {entry.get('title') or 'without a title' if entry else 'not in the catalog'}"
    yield f"  categories: {', '.join(row.facts().labels) or 'none'}"
    rated = counted(use.ratings, "rating")
    stars = "no stars" if use.mean_rating is None else f"{use.mean_rating:.2f} stars in {rated}"
    yield f"  {counted(use.count, 'user')}, {counted(use.buyers, 'buyer')}, {stars}"
    popularity = zip(HALF_LIVES, use.popularity, strict=True)
    halves = ", ".join(f"{value:.4g} at a half-life of {events:,} events" for events, value in popularity)
    yield f"  popularity: {halves}"
    yield f"  applied up to: catalog offset {row.catalog_offset}; {_marks(use.watermarks)}"
    for words, largest, count in _neighbours(counts):
        if count:
            said = ", ".join(f"{names.get(index, f'#{index}')} {value:.4g}" for index, value in largest)
            yield f"  {words} {counted(count, 'item')}: {said}"


def _neighbours(row: CountsRow) -> list[tuple[str, list[tuple[int, float]], int]]:
    """Of each kind of count: words, the largest as (number, count), and how many there are."""
    kinds = (
        ("comes after", row.transitions(), TRANSITION_UNIT),
        ("liked by those who had", row.cooccurrence(), 1),
        ("bought together with", row.bought(), 1),
    )
    found = []
    for words, counts, unit in kinds:
        largest = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:_SHOWN_NEIGHBOURS]
        found.append((words, [(index, count / unit) for index, count in largest], len(counts)))
    return found


def _title(items: Table[ItemRow], item_id: str, partitions: int) -> str:
    try:
        row = row_of(items, item_id, partitions)
    except ConfigurationError:
        return ""  # unreadable, but not the row that was asked for: `state digest` counts those
    return str(row.entry().get("title") or "") if row else ""


def _keys(table: Table[Any]) -> Iterator[str]:
    for rows in table.partitions.values():
        yield from rows.keys()


def _named(title: str, item_id: str) -> str:
    return f"{title} [{item_id}]" if title else f"[{item_id}]"


def _profile(user: UserState) -> str:
    attributes = ", ".join(f"{name} {value}" for name, value in sorted(user.profile.attributes.items()))
    preferred = ", ".join(user.profile.preferred_categories)
    return "; ".join(filter(None, (attributes, preferred and f"prefers {preferred}"))) or "none"


def _identity_lines(user: UserState) -> Iterator[str]:
    identity = user.identity
    if identity.user_id:
        yield f"  a guest, who is user {identity.user_id} since {_time(identity.sealed_ms)}"
    if identity.guests:
        yield f"  was guest {', '.join(guest_id for guest_id, _ in identity.guests)}"
    if identity.erased_ms >= 0:
        yield f"  what happened up to {_time(identity.erased_ms)} is to stay forgotten"


def _length(user: UserState) -> str:
    vector = None if user.last_time_ms is None else user.taste.value_at(user.last_time_ms)
    return "none" if vector is None else f"length {np.linalg.norm(vector):.4g} in {len(vector)} dimensions"


def _marks(marks: Mapping[int, int]) -> str:
    return ", ".join(f"partition {partition} offset {offset}" for partition, offset in sorted(marks.items())) or "none"


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
