"""Keyed state per partition: rows in memory, changed rows packed for the changelog (no I/O)."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from workers.errors import ConfigurationError
from workers.records.out import OutRecord

NOTE_KEY = b""
"""Key of a changelog's note, what is to be said of all rows of its partition: nobody has an empty id."""


class Row(Protocol):
    """A row of a table: it knows its own versioned bytes."""

    def pack(self) -> bytes: ...


R = TypeVar("R", bound=Row)


class TablePartition(Generic[R]):
    """Rows of one partition. Whoever folds into it holds `lock` until the rows are acknowledged.

    Recovered rows stay packed until they are asked for: start-up costs a copy a row, not a parse, and a packed
    row takes half the memory of one in use. A row that can't be read is never taken for an absent one: its user
    or item would start anew and overwrite it.
    """

    def __init__(self, changelog: str, kind: bytes, unpack: Callable[[bytes], R], new: Callable[[], R]) -> None:
        self.lock = asyncio.Lock()
        self.note = ""
        self._changelog = changelog
        self._kind = kind
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
        """The row of `key`, or None; raises `ConfigurationError` if it is unreadable."""
        row = self._rows.get(key)
        if row is None and key in self._packed:
            row = self._rows[key] = self._parse(key)
            del self._packed[key]
        return row

    def look(self, key: str) -> R | None:
        """A row to read once, as `get`; one that is packed stays packed: for those who walk through all rows."""
        return self._parse(key) if key in self._packed else self._rows.get(key)

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

    def load(self, key: bytes | None, value: bytes | None) -> None:
        """Take one changelog record in recovery; the last one of a key counts. Raises ValueError on an alien one."""
        if key is None:
            raise ValueError("has no key")
        if key == NOTE_KEY:
            self.note = (value or b"").decode(errors="replace")
        elif value is None:
            self._packed.pop(key.decode(), None)
        elif value.startswith(self._kind):
            self._refuse_other_version(key, value)
            self._packed[key.decode()] = value
        else:
            raise ValueError(f"starts with {value[:2]!r}, expected {self._kind!r}")

    def _refuse_other_version(self, key: bytes, value: bytes) -> None:
        """Raise `ConfigurationError` for another version's row: to go on without it would lose what it holds."""
        ours, found = self._head, value[:2]
        if found != ours and len(ours) == len(found) == 2 and found[0] == ours[0]:
            raise ConfigurationError(
                f"state is of version {found[1]} (row of {key.decode(errors='replace')!r} in {self._changelog}), "
                f"this program writes {ours[1]}: run `tastestream rebuild`, or the program that wrote it"
            )

    def _bytes_of(self, key: str) -> bytes | None:
        row = self._rows.get(key)
        return None if row is None else row.pack()

    def _parse(self, key: str) -> R:
        try:
            return self._unpack(self._packed[key])
        except ValueError as error:
            raise ConfigurationError(unreadable(f"row of {key!r} in {self._changelog}", error)) from error


def unreadable(which: str, error: ValueError) -> str:
    """What to tell of a row that is torn, alien or of an unknown version."""
    return (
        f"the {which} is unreadable ({error}): nothing is computed on it. Run `tastestream rebuild`; "
        "or, to have this one start anew, write a tombstone for its key"
    )


class Table(Generic[R]):
    """All partitions of one kind of state that this worker owns, and the changelog that they live in.

    `kind`: first bytes of every packed row, whatever its version; what begins otherwise is found at recovery.
    """

    def __init__(self, changelog: str, unpack: Callable[[bytes], R], new: Callable[[], R], kind: bytes = b"") -> None:
        self.changelog = changelog
        self._kind = kind
        self.partitions: dict[int, TablePartition[R]] = {}
        self._unpack = unpack
        self._new = new

    def __len__(self) -> int:
        return sum(len(partition) for partition in self.partitions.values())

    def blank_partition(self) -> TablePartition[R]:
        """An empty partition to be filled by recovery; it counts once it is put into `partitions`."""
        return TablePartition(self.changelog, self._kind, self._unpack, self._new)
