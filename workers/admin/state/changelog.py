"""The state as its changelogs hold it, read beside running workers (Kafka, read only)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from models.state.taste import Vector
from models.state.user_state import UserState
from workers.admin.state.digest import TableDigest, table_digest
from workers.admin.state.form import Form, item_form, user_form
from workers.errors import ConfigurationError, DependencyError
from workers.items.points import ItemPoints
from workers.items.rows import ItemRow
from workers.messages.waiting import plain
from workers.settings import Settings
from workers.stream.connect import ClientOptions
from workers.stream.partitioning import partition_of
from workers.stream.recovery import recover
from workers.stream.security import client_options
from workers.stream.table import Row, Table
from workers.topics import Topics

USERS, ITEMS = "users", "items"

R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class State:
    """Rows of all users and items; they stay packed until they are asked for."""

    users: Table[UserState]
    items: Table[ItemRow]
    points: ItemPoints
    _vectors: dict[str, Vector | None] = field(default_factory=dict)

    def item(self, item_id: str) -> ItemRow | None:
        """One item's row, or None."""
        return self.items.partitions[partition_of(item_id, len(self.items.partitions))].get(item_id)

    def vector_of(self, item_id: str) -> Vector | None:
        """The item's embedding, float32 (dim,); None while the catalog does not have it."""
        if item_id not in self._vectors:
            row = self.item(item_id)
            vector = None if row is None or row.catalog is None else self.points.embed(row.entry())
            self._vectors[item_id] = vector if vector is not None and vector.any() else None
        return self._vectors[item_id]

    def digests(self, *, keep_rows: bool = False) -> dict[str, TableDigest]:
        """Digests by table."""
        users = table_digest(self._user_forms(), keep_rows=keep_rows)
        items = table_digest(self._item_forms(), keep_rows=keep_rows)
        users.unreadable, items.unreadable = len(self.users) - users.rows, len(self.items) - items.rows
        return {USERS: users, ITEMS: items}

    def notes(self) -> list[str]:
        """What a rebuild left to be said of the state."""
        users = [partition.note for partition in self.users.partitions.values()]
        items = [partition.note for partition in self.items.partitions.values()]
        return [note for note in (*users, *items) if note]

    def _user_forms(self) -> Iterator[tuple[str, Form]]:
        for key, user in _rows(self.users):
            yield key, user_form(user, self.vector_of)

    def _item_forms(self) -> Iterator[tuple[str, Form]]:
        for key, row in _rows(self.items):
            yield key, item_form(row)


async def read_state(settings: Settings) -> State:
    """All rows as they are now; raises ConfigurationError without changelogs, or with rows of another version."""
    users, items = _tables(settings)
    await _read(settings, users, range(settings.user_partitions))
    await _read(settings, items, range(settings.item_partitions))
    return State(users, items, ItemPoints(settings.vector_dim, settings.collaborative_dim))


async def read_user(settings: Settings, user_id: str) -> UserState | None:
    """One user's row, or None; reads the changelog's partition that it is in."""
    users, _ = _tables(settings)
    return await _read_row(settings, users, partition_of(user_id, settings.user_partitions), user_id)


async def read_item_rows(settings: Settings, item_ids: Iterable[str] | None = None) -> Table[ItemRow]:
    """The partitions of the item table that hold these items, or all of them."""
    _, items = _tables(settings)
    count = settings.item_partitions
    wanted = range(count) if item_ids is None else {partition_of(item_id, count) for item_id in item_ids}
    await _read(settings, items, wanted)
    return items


def _tables(settings: Settings) -> tuple[Table[UserState], Table[ItemRow]]:
    topics = Topics(settings.topic_prefix)
    return (
        Table(topics.user_state_changelog, UserState.unpack, UserState),
        Table(topics.item_state_changelog, ItemRow.unpack, ItemRow),
    )


async def _read_row(settings: Settings, table: Table[R], partition: int, key: str) -> R | None:
    await _read(settings, table, [partition])
    return table.partitions[partition].get(key)


async def _read(settings: Settings, table: Table[Any], partitions: Iterable[int]) -> None:
    options: ClientOptions = {**client_options(settings), "client_id": f"{settings.app_id}-state"}
    await _check_topic(options, table.changelog)
    table.partitions |= await recover(options, table, partitions, patience_s=settings.patience_s)


async def _check_topic(options: ClientOptions, name: str) -> None:
    # Asking for the partitions of a missing topic would create it on brokers that do so by themselves.
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        present = name in await admin.list_topics()
    except (KafkaError, OSError) as error:
        raise DependencyError(
            f"Kafka at {options['bootstrap_servers']} does not answer: {plain(error)}; is it up?"
        ) from error
    finally:
        await admin.close()
    if not present:
        raise ConfigurationError(
            f"there is no state: topic {name} is missing; check TASTESTREAM_TOPIC_PREFIX, or start a worker"
        )


def _rows(table: Table[R]) -> Iterator[tuple[str, R]]:
    for partition in table.partitions.values():
        for key in partition.keys():  # noqa: SIM118  (no mapping)
            row = partition.get(key)
            if row is not None:
                yield key, row
