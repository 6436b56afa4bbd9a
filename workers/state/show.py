"""One row for people (Kafka, read only)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from models.history import WAITING
from models.item_state import HALF_LIVES, TRANSITION_UNIT
from models.user_state import UserState
from workers.errors import ConfigurationError
from workers.rows import ItemRow
from workers.settings import Settings
from workers.state.changelog import read_item, read_user

_SHOWN_EVENTS, _SHOWN_NEIGHBOURS = 20, 10


async def user_lines(settings: Settings, user_id: str) -> list[str]:
    """What the state holds of a user; raises ConfigurationError when that is nothing."""
    user = await read_user(settings, user_id)
    if user is None:
        raise ConfigurationError(f"there is no row of user {user_id!r}: no event of theirs was folded")
    return list(describe_user(user_id, user))


async def item_lines(settings: Settings, item_id: str) -> list[str]:
    """What the state holds of an item; raises ConfigurationError when that is nothing."""
    row = await read_item(settings, item_id)
    if row is None:
        raise ConfigurationError(f"there is no row of item {item_id!r}: neither catalog nor events named it")
    return list(describe_item(item_id, row))


def describe_user(user_id: str, user: UserState) -> Iterator[str]:
    """What is kept of a user, newest event first."""
    history = user.history
    yield f"user {user_id}: {len(history)} events kept, {len(user.seen_keys())} items seen"
    yield f"  taste: {_length(user)}, {len(history.waiting())} events wait for their item's vector"
    yield f"  profile: {user.profile.attributes}, prefers {', '.join(user.profile.preferred_categories) or 'nothing'}"
    yield from _identity_lines(user)
    yield f"  applied up to: {_marks(user.watermarks)}"
    places = range(len(history) - 1, -1, -1)[:_SHOWN_EVENTS]
    for place in places:
        waits = ", waits for its vector" if history.flags[place] & WAITING else ""
        yield f"  {_time(history.times_ms[place])}  {history.item_ids[place]}  weight {history.weights[place]:g}{waits}"
    if len(history) > len(places):
        yield f"  … {len(history) - len(places)} older"


def describe_item(item_id: str, row: ItemRow) -> Iterator[str]:
    """What is kept of an item; its neighbours are known by their number only, the largest counts first."""
    use, entry = row.use, row.entry()
    title = entry.get("title", "") if entry else "not in the catalog"
    yield f"item {item_id}: {title}"
    yield f"  users: {use.count}, buyers: {use.buyers}, categories: {', '.join(row.labels()) or 'none'}"
    rated = "no stars" if use.mean_rating is None else f"{use.mean_rating:.2f} stars by {use.ratings}"
    yield f"  {rated}"
    popularity = zip(HALF_LIVES, use.popularity, strict=True)
    yield f"  popularity: {', '.join(f'{value:.4g} at a half-life of {events}' for events, value in popularity)}"
    yield f"  applied up to: catalog {row.catalog_offset}; {_marks(use.watermarks)}"
    for name, counts, unit in (
        ("followed", use.transitions.counts(), TRANSITION_UNIT),
        ("liked after", use.cooccurrence.counts(), 1),
        ("bought after", use.bought.counts(), 1),
    ):
        largest = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:_SHOWN_NEIGHBOURS]
        yield f"  {name} {len(counts)} items: {', '.join(f'#{index} {count / unit:.4g}' for index, count in largest)}"


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


def _marks(marks: dict[int, int]) -> str:
    return ", ".join(f"partition {partition} offset {offset}" for partition, offset in sorted(marks.items())) or "none"


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
