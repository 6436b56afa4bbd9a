"""The state as its changelogs hold it, read beside running workers (Kafka, read only)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from models.state import user_state
from models.state.taste import Vector
from models.state.user_state import UserState
from workers.admin.state.counts_row import CountsRow, counts_table
from workers.admin.state.digest import TableDigest, table_digest
from workers.admin.state.form import Form, counts_form, item_form, user_form
from workers.errors import ConfigurationError, DependencyError
from workers.items import rows as item_rows
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

USERS, ITEMS, COUNTS = "users", "items", "counts"

R = TypeVar("R", bound=Row)


class StateTables(NamedTuple):
    """All kinds of rows: users, items' entries, items' counts."""

    users: Table[UserState]
    items: Table[ItemRow]
    counts: Table[CountsRow]


@dataclass(frozen=True, slots=True)
class State:
    """Rows of all users and items; they stay packed until they are asked for."""

    users: Table[UserState]
    items: Table[ItemRow]
    counts: Table[CountsRow]
    points: ItemPoints
    _vectors: dict[str, Vector | None] = field(default_factory=dict)

    def item(self, item_id: str) -> ItemRow | None:
        """What the catalog says of an item, or None."""
        return row_of(self.items, item_id)

    def vector_of(self, item_id: str) -> Vector | None:
        """The item's embedding, float32 (dim,); None while the catalog does not have it."""
        if item_id not in self._vectors:
            row = self.item(item_id)
            vector = None if row is None or row.catalog is None else self.points.embed(row.entry())
            self._vectors[item_id] = vector if vector is not None and vector.any() else None
        return self._vectors[item_id]

    def digests(self, *, keep_rows: bool = False) -> dict[str, TableDigest]:
        """Digests by table."""
        digests = {}
        for name, table in self.tables().items():
            digests[name] = table_digest(self.forms(name), keep_rows=keep_rows)
            digests[name].unreadable = len(table) - digests[name].rows
        return digests

    def tables(self) -> dict[str, Table[Any]]:
        """All tables by name."""
        return {USERS: self.users, ITEMS: self.items, COUNTS: self.counts}

    def keys(self, name: str) -> Iterator[str]:
        """Keys of all rows of a table."""
        return (key for rows in self.tables()[name].partitions.values() for key in rows.keys())  # noqa: SIM118

    def form(self, name: str, key: str) -> Form | None:
        """A row of a table, in the form that is compared."""
        if name == USERS:
            return None if (user := row_of(self.users, key)) is None else user_form(user, self.vector_of)
        if name == ITEMS:
            return None if (row := row_of(self.items, key)) is None else item_form(row)
        return None if (counts := row_of(self.counts, key)) is None else counts_form(counts)

    def forms(self, name: str) -> Iterator[tuple[str, Form]]:
        """All rows of a table by key, in the form that is compared."""
        return ((key, form) for key in self.keys(name) if (form := self.form(name, key)) is not None)

    def notes(self) -> list[str]:
        """What a rebuild left to be said of the state."""
        notes = (partition.note for table in self.tables().values() for partition in table.partitions.values())
        return [note for note in notes if note]


async def read_state(settings: Settings) -> State:
    """All rows as they are now; raises ConfigurationError without changelogs, or with rows of another version."""
    users, items, counts = state_tables(settings)
    await _read(settings, users, range(settings.user_partitions))
    await _read(settings, items, range(settings.item_partitions))
    await _read(settings, counts, range(settings.item_partitions))
    return State(users, items, counts, ItemPoints(settings.vector_dim, settings.collaborative_dim))


async def read_user(settings: Settings, user_id: str) -> UserState | None:
    """One user's row, or None; reads the changelog's partition that it is in."""
    users = state_tables(settings).users
    await _read(settings, users, [partition_of(user_id, settings.user_partitions)])
    return row_of(users, user_id, settings.user_partitions)


async def read_entries(settings: Settings, item_ids: Iterable[str] | None = None) -> Table[ItemRow]:
    """The partitions of the table of entries that hold these items, or all of them."""
    items, count = state_tables(settings).items, settings.item_partitions
    wanted = range(count) if item_ids is None else {partition_of(item_id, count) for item_id in item_ids}
    await _read(settings, items, wanted)
    return items


async def read_counts(settings: Settings) -> Table[CountsRow]:
    """All rows of items' counts."""
    counts = state_tables(settings).counts
    await _read(settings, counts, range(settings.item_partitions))
    return counts


def row_of(table: Table[R], key: str, partitions: int | None = None) -> R | None:
    """The row of `key`, or None; of a table that was not read whole, how many `partitions` it has must be said."""
    rows = table.partitions.get(partition_of(key, partitions or len(table.partitions)))
    return None if rows is None else rows.peek(key)


def state_tables(settings: Settings) -> StateTables:
    """Empty tables that read what workers write."""
    topics = Topics(settings.topic_prefix)
    return StateTables(
        Table(
            topics.user_state_changelog,
            lambda user_id, packed: UserState.unpack(packed),
            lambda user_id: UserState(),
            kind=user_state.KIND,
            version=user_state.VERSION,
        ),
        Table(
            topics.item_state_changelog,
            lambda item_id, packed: ItemRow.unpack(packed),
            lambda item_id: ItemRow(),
            kind=item_rows.KIND,
            version=item_rows.VERSION,
        ),
        counts_table(topics.item_counts_changelog),
    )


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
