"""What people publish about themselves, and what rows say of it whatever the order of arrival."""

from typing import Any

from models.state.user_state import UserState
from tests.agents.dependencies import NOW_MS, partition_for
from tests.agents.world import World

T0 = NOW_MS - 1_000_000
ITEMS = "abcdefgh"


def name_in(partition: int, stem: str) -> str:
    """A name that lives in this partition."""
    return next(name for name in (f"{stem}{n}" for n in range(100)) if partition_for(name) == partition)


def view(world: World, user_id: str, item_id: str, time: int, partition: int | None = None, **fields: Any) -> None:
    body = {"event_type": "view", "user_id": user_id, "item_id": item_id, "event_time": T0 + time, **fields}
    world.publish(user_id, partition, **body)


def identify(world: World, guest: str, user: str, time: int, partition: int | None = None, **fields: Any) -> None:
    body = {"event_type": "identify", "anonymous_id": guest, "user_id": user, "event_time": T0 + time, **fields}
    world.publish(guest, partition, **body)


def erase(world: World, user: str, time: int, partition: int | None = None) -> None:
    world.publish(user, partition, event_type="erase", user_id=user, event_time=T0 + time)


def known(user: UserState) -> tuple[object, ...]:
    """What a row says, whatever the order of arrival."""
    history = user.history
    kept = list(zip(history.item_ids, history.times_ms, history.partitions, history.offsets, strict=True))
    identity = user.identity
    return (
        kept,
        sorted(user.seen_keys().tolist()),
        identity.user_id,
        identity.erased_ms,
        identity.guests,
        user.profile.pack(),
    )


def counted(world: World) -> dict[str, object]:
    """What item rows say, without their watermarks."""
    return {
        item_id: (row.transitions(), row.cooccurrence(), row.use.count)
        for item_id, row in world.items().items()
        if row.use.count or row.transitions()
    }
