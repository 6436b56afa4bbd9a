"""Who is in a consumer group now (Kafka, read only)."""

from typing import Any

from aiokafka.errors import for_code

_WITHOUT_MEMBERS = ("Empty", "Dead")


async def group_members(admin: Any, group: str) -> list[str]:
    """Client and host of each member; `admin` is a started client. Raises `KafkaError`."""
    [response] = await admin.describe_consumer_groups([group])
    [(code, _, state, _, _, members, *_)] = response.groups
    if code:
        raise for_code(code)(f"group {group}")
    if state in _WITHOUT_MEMBERS:
        return []
    return [f"{member[1]} at {member[2]}" for member in members] or [f"one that is joining, state {state}"]
