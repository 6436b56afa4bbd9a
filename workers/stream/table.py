"""Keyed state per partition: rows in memory, changed rows packed for the changelog (no I/O)."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from workers.errors import ConfigurationError
from workers.records.out import OutRecord

log = logging.getLogger(__name__)

NOTE_KEY = b""
"""Key of a changelog's note, what is to be said of all rows of its partition: nobody has an empty id."""


class Row(Protocol):
    """A row of a table: it knows its own versioned bytes."""

    def pack(self) -> bytes: ...


R = TypeVar("R", bound=Row)


class TablePartition(Generic[R]):
    """Rows of one partition. Whoever folds into it holds `lock` until the rows are acknowledged.

    Recovered rows stay packed until they are asked for: start-up costs a copy a row, not a parse.
    """

    def __init__(self, unpack: Callable[[bytes], R], new: Callable[[], R]) -> None:
        self.lock = asyncio.Lock()
        self.unreadable = 0
        self.note = ""
        self._head = new().pack()[:2]  # kind and version, see `models.packing.head`
        self._unpack = unpack
        self._new = new
        self._rows: dict[str, R] = {}
        self._packed: dict[str, bytes] = {}
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._rows) + len(self._packed)

    def keys(self) -> Iterator[str]:
        """Keys of all rows, recovered ones included."""
        yield from list(self._rows)
        yield from list(self._packed)

    def get(self, key: str) -> R | None:
        """The row of `key`, or None."""
        row = self._rows.get(key)
        if row is None and key in self._packed:
            row = self._parse(key, self._packed.pop(key))
        return row

    def change(self, key: str) -> R:
        """The row of `key`, made if it is new, marked as to be written."""
        row = self.get(key)
        if row is None:
            row = self._rows[key] = self._new()
        self._changed[key] = None
        return row

    def delete(self, key: str) -> None:
        """Forget `key`; the changelog gets its tombstone."""
        self._rows.pop(key, None)
        self._packed.pop(key, None)
        self._changed[key] = None

    def take_changes(self) -> list[OutRecord]:
        """Changelog records of all rows changed since the last call, each key once."""
        changed, self._changed = self._changed, {}
        return [OutRecord(key=key.encode(), value=self._bytes_of(key)) for key in changed]

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record in recovery; the last one of a key counts."""
        if key == NOTE_KEY:
            self.note = (value or b"").decode(errors="replace")
        elif value is None:
            self._packed.pop(key.decode(), None)
        else:
            self._refuse_other_version(key, value)
            self._packed[key.decode()] = value

    def _refuse_other_version(self, key: bytes, value: bytes) -> None:
        """Raise `ConfigurationError` for another version's row: to go on without it would lose what it holds."""
        ours, found = self._head, value[:2]
        if found != ours and len(ours) == len(found) == 2 and found[0] == ours[0]:
            raise ConfigurationError(
                f"state is of version {found[1]} (row of {key.decode(errors='replace')!r}), this program writes "
                f"{ours[1]}: run `tastestream rebuild`, or the program that wrote it"
            )

    def _bytes_of(self, key: str) -> bytes | None:
        row = self._rows.get(key)
        return None if row is None else row.pack()

    def _parse(self, key: str, value: bytes) -> R | None:
        try:
            row = self._rows[key] = self._unpack(value)
        except ValueError as error:
            # Never misread: a row that is torn or of an unknown version counts as absent, loudly.
            self.unreadable += 1
            log.error("state row of %r is unreadable (%s): it starts anew; run a rebuild", key, error)
            return None
        return row


class Table(Generic[R]):
    """All partitions of one kind of state that this worker owns, and the changelog that they live in."""

    def __init__(self, changelog: str, unpack: Callable[[bytes], R], new: Callable[[], R]) -> None:
        self.changelog = changelog
        self.partitions: dict[int, TablePartition[R]] = {}
        self._unpack = unpack
        self._new = new

    def __len__(self) -> int:
        return sum(len(partition) for partition in self.partitions.values())

    def blank_partition(self) -> TablePartition[R]:
        """An empty partition to be filled by recovery; it counts once it is put into `partitions`."""
        return TablePartition(self._unpack, self._new)
