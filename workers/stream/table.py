"""Keyed state per partition: rows in memory, changed rows packed for the changelog (no I/O)."""

import asyncio
import shlex
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Generic, Protocol, TypeVar

from models.primitives.packing import head
from models.state.eviction_watermark import EvictionWatermark
from workers.errors import ConfigurationError
from workers.records.out import OutRecord

NOTE_KEY = b""
"""Key of a changelog's note, what is to be said of all rows of its partition: no id is empty."""

NO_ID = b"\x00"
"""Keys of what a changelog holds beside rows begin with it: no id holds a control character."""

EVICTED_KEY = NO_ID + b"floor"
"""Key of what evicted rows had applied (`models.state.eviction_watermark`)."""

BEGUN_KEY = NO_ID + b"begun"
"""Key of how far a side topic was begun (`workers.stream.repeats`)."""

BOUND_KEY = NO_ID + b"bound"
"""Key of the bound that rows have (`models.state.control.Bound`), and from which offset on."""

REACHED_KEY = NO_ID + b"reached"
"""Key of how far a log was folded into rows that it drops itself (`TablePartition.has_folded`)."""

_OFFSET_BYTES = 8
_BOUND = struct.Struct("<Iq")


class Row(Protocol):
    """A row of a table: it knows its own versioned bytes, and the last offset that it applied of each origin."""

    def pack(self) -> bytes: ...

    def marks(self) -> Mapping[int, int]: ...


R = TypeVar("R", bound=Row)


class TablePartition(Generic[R]):
    """Rows of one partition. An agent that folds into it holds `lock` until the rows are acknowledged.

    Recovered rows stay packed until they are asked for: start-up costs a copy a row, not a parse. With `most_open`,
    so many rows stay unpacked between chunks, those used last; the others are again the bytes that were written of
    them. So who folds has its row from `change`, and one that was only read must not change. A row that can't be read
    is never taken for an absent one: its user or item would start over and overwrite it.

    Rows are kept in the order of their last write, in memory as in the changelog, so that after a recovery the same
    ones are evicted first. `evicted`: what evicted rows had applied; to be asked before a row is made.
    """

    def __init__(
        self,
        changelog: str,
        kind: bytes,
        unpack: Callable[[str, bytes], R],
        new: Callable[[str], R],
        is_expendable: Callable[[str], bool],
        forget: Callable[[str], None],
        version: int,
        most_open: int | None,
    ) -> None:
        self.lock = asyncio.Lock()
        self.note = ""
        self.read_to = 0
        """Offset in the changelog after the last record that was taken from there."""
        self.evicted = EvictionWatermark()
        self.begun = 0
        """Offset after the last record of the side topic that may have had effects."""
        self.bound, self._bound_from = 0, 0
        """Entries that rows of counts are cut to, 0 for none; what is said once stays."""
        self._reached = EvictionWatermark()
        self._folded_to, self._at = 0, 0
        """Offsets in the log after the furthest record that was folded, and after the last one."""
        self._changelog = changelog
        self._kind = kind
        self._head = head(kind, version)
        self._unpack = unpack
        self._new = new
        self._is_expendable = is_expendable
        self._forget_row = forget
        self._rows: OrderedDict[str, R | bytes] = OrderedDict()
        self._expendable: OrderedDict[str, None] = OrderedDict()
        self._changed: dict[str, None] = {}
        self._most_open = most_open
        self._open: OrderedDict[str, bytes] = OrderedDict()
        """What was last written of rows that are unpacked and did not change since, those used last at the end."""

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def expendable(self) -> int:
        """How many rows are evicted before all others."""
        return len(self._expendable)

    def keys(self) -> Iterator[str]:
        """Keys of all rows, recovered ones included."""
        yield from list(self._rows)

    def get(self, key: str) -> R | None:
        """The row of `key`, or None; raises `ConfigurationError` if it is unreadable."""
        row = self._rows.get(key)
        if isinstance(row, bytes):
            packed, row = row, self._parse(key, row)
            self._rows[key] = row
            self._keep_open(key, packed)
        elif key in self._open:
            self._open.move_to_end(key)
        return row

    def peek(self, key: str) -> R | None:
        """A row to read once, as `get`; one that is packed stays packed: for those who walk through all rows."""
        row = self._rows.get(key)
        return self._parse(key, row) if isinstance(row, bytes) else row

    def change(self, key: str) -> R:
        """The row of `key`, made if it is new, marked as to be written."""
        row = self.get(key)
        if row is None:
            row = self._new(key)
        self._rows[key] = row
        self._open.pop(key, None)
        self._changed.pop(key, None)
        self._changed[key] = None
        return row

    def oldest(self, count: int, *, expendable_only: bool = False) -> list[str]:
        """Keys of the rows to evict next: expendable ones, then the others, of each kind those written longest ago."""
        found = list(islice(self._expendable, count))
        if expendable_only or len(found) == count:
            return found
        others = (key for key in self._rows if key not in self._expendable)
        return found + list(islice(others, count - len(found)))

    def drop(self, key: str) -> None:
        """Evict a row; the watermark covers what it had applied, and is to be written before anything else."""
        row = self.peek(key)
        if row is not None:
            self.evicted.drop(key, row.marks())
            del self._rows[key]
            self._open.pop(key, None)
            self._expendable.pop(key, None)
            self._forget_row(key)

    def begin(self, end: int) -> OutRecord:
        """The changelog's record of this: a chunk of the side topic that ends before `end` is about to have effects."""
        self.begun = max(self.begun, end)  # a chunk that is repeated may be cut shorter than it was
        return OutRecord(BEGUN_KEY, self.begun.to_bytes(_OFFSET_BYTES, "little"))

    def bind(self, entries: int, offset: int) -> None:
        """Rows have a bound from the record at `offset` on, unless they have one."""
        if not self.bound:
            self.bound, self._bound_from = entries, offset

    def bound_at(self, offset: int) -> int:
        """The bound for the record at `offset`, 0 for none."""
        return self.bound if offset >= self._bound_from else 0

    def reach(self, key: str, mark: tuple[int, int]) -> None:
        """The log has a record of this origin for the row of `key`: once rows are dropped, it is not taken again."""
        self._reached.reach(key, mark)

    def evict_reached(self, offset: int) -> None:
        """The record at `offset` has rows dropped: what came before it does not begin them again.

        All that came, not only what these rows had applied: who folds the log again may have newer ones of them.
        """
        if offset >= self._folded_to:
            self.evicted.rise(self._reached)

    def has_folded(self, offset: int) -> None:
        """The log's record at `offset` is folded."""
        self._at = offset + 1
        self._folded_to = max(self._folded_to, self._at)

    @property
    def folds_again(self) -> bool:
        """Whether what is folded now was folded before: then `notes` are ahead of the log."""
        return self._at < self._folded_to

    def notes(self) -> list[OutRecord]:
        """What is to be written after the rows that a log was folded into, as of the last record folded.

        After them, because rows that are not written yet go by the notes before, when the log is folded again.
        """
        bound = [OutRecord(BOUND_KEY, _BOUND.pack(self.bound, self._bound_from))] if self.bound else []
        evicted = [self.eviction_record()] if len(self.evicted) else []
        folded_to = self._folded_to.to_bytes(_OFFSET_BYTES, "little")
        return [*bound, *evicted, OutRecord(REACHED_KEY, folded_to + self._reached.pack())]

    def eviction_record(self) -> OutRecord:
        """The changelog's record of the eviction watermark."""
        return OutRecord(EVICTED_KEY, self.evicted.pack())

    def bury(self, keys: Iterable[str]) -> None:
        """Have tombstones written for rows that were dropped, unless they have started over."""
        self._changed.update(dict.fromkeys(key for key in keys if key not in self._rows))

    def take_changes(self) -> list[OutRecord]:
        """Changelog records of all rows changed since the last call, each key once, the last one changed last."""
        return list(self.drain_changes())

    def drain_changes(self) -> Iterator[OutRecord]:
        """The same one by one, each packed when it is asked for; nothing may be folded meanwhile."""
        changed, self._changed = self._changed, {}
        for key in changed:
            yield OutRecord(key=key.encode(), value=self._written(key))
        self._close_oldest()

    def forget_changes(self) -> None:
        """What changed so far is the business of who owns the partition: as if it were written."""
        for key in self._changed:
            if key in self._rows:
                self._rows.move_to_end(key)
                self.reconsider(key)
        self._changed.clear()

    def load(self, key: bytes | None, value: bytes | None) -> None:
        """Take one changelog record in recovery; the last one of a key counts, and null takes away what it said.

        Raises ValueError on a malformed one, `ConfigurationError` on one of another version.
        """
        if key is None:
            raise ValueError("has no key")
        if value is None:
            self._forget(key)
        elif key == NOTE_KEY:
            self.note = value.decode(errors="replace")
        elif key == EVICTED_KEY:
            self.evicted = EvictionWatermark.unpack(value)
        elif key == BEGUN_KEY:
            self.begun = _offset(value)
        elif key == BOUND_KEY:
            self.bound, self._bound_from = _bound(value)
        elif key == REACHED_KEY:
            self._reached = EvictionWatermark.unpack(value[_OFFSET_BYTES:])
            self._folded_to = _offset(value[:_OFFSET_BYTES])
        elif value.startswith(self._kind):
            self._refuse_other_version(key, value)
            name = key.decode()
            self._rows[name] = value
            self._rows.move_to_end(name)
            self._open.pop(name, None)
        else:
            raise ValueError(f"starts with {value[:2]!r}, expected {self._kind!r}")

    def _forget(self, key: bytes) -> None:
        if key == NOTE_KEY:
            self.note = ""
        elif key == EVICTED_KEY:
            self.evicted = EvictionWatermark()
        elif key == BEGUN_KEY:
            self.begun = 0
        elif key == BOUND_KEY:
            self.bound, self._bound_from = 0, 0
        elif key == REACHED_KEY:
            self._reached, self._folded_to = EvictionWatermark(), 0
        else:
            # Junk under a key that is no text is taken away under the same key.
            name = key.decode(errors="replace")
            self._rows.pop(name, None)
            self._open.pop(name, None)
            self._expendable.pop(name, None)

    def _refuse_other_version(self, key: bytes, value: bytes) -> None:
        """Raise `ConfigurationError` for another version's row: to go on without it would lose what it holds."""
        ours, found = self._head, value[:2]
        if found != ours and len(ours) == len(found) == 2 and found[0] == ours[0]:
            raise ConfigurationError(
                f"state is of version {found[1]} (row of {key.decode(errors='replace')!r} in {self._changelog}), "
                f"this program writes {ours[1]}: run `tastestream rebuild`, or the program that wrote it"
            )

    def _written(self, key: str) -> bytes | None:
        row = self._rows.get(key)
        if row is None:
            return None
        packed = row if isinstance(row, bytes) else row.pack()
        self._rows.move_to_end(key)
        self.reconsider(key)
        self._keep_open(key, packed)
        return packed

    def _keep_open(self, key: str, packed: bytes) -> None:
        """Note what is written of an unpacked row. While a chunk is at work its rows are asked for again and again:
        then none is packed.
        """
        if self._most_open is not None:
            self._open[key] = packed
            if not self.lock.locked():
                self._close_oldest()

    def _close_oldest(self) -> None:
        while self._most_open is not None and len(self._open) > self._most_open:
            key, packed = self._open.popitem(last=False)
            self._rows[key] = packed

    def reconsider(self, key: str) -> None:
        """Find out anew whether a row is evicted before others: after recovery, and when what decides has changed."""
        if key in self._rows and self._is_expendable(key):
            self._expendable[key] = None
            self._expendable.move_to_end(key)
        elif self._expendable:
            self._expendable.pop(key, None)

    def _parse(self, key: str, packed: bytes) -> R:
        try:
            return self._unpack(key, packed)
        except ValueError as error:
            healing = healed_by(self._changelog, key=key)
            raise ConfigurationError(unreadable(f"row of {key!r} in {self._changelog}", error, healing)) from error


def _offset(value: bytes) -> int:
    if len(value) != _OFFSET_BYTES:
        raise ValueError(f"has {len(value)} bytes, expected an offset")
    return int.from_bytes(value, "little")


def _bound(value: bytes) -> tuple[int, int]:
    if len(value) != _BOUND.size:
        raise ValueError(f"has {len(value)} bytes, expected a bound and an offset")
    entries, offset = _BOUND.unpack(value)
    return entries, offset


def unreadable(which: str, error: ValueError, healing: str) -> str:
    """The message for a row that is truncated, malformed or of an unknown version; `healing` as `healed_by` says it."""
    return (
        f"the {which} is unreadable ({error}): nothing is computed on it. Run `tastestream rebuild`; "
        f"or, to have this one start from nothing, {healing}"
    )


def healed_by(changelog: str, *, key: str | None = None, position: str = "") -> str:
    """The command that writes a null value for a row, named by its key or, whatever its key is, by its place.

    >>> healed_by("user-state-changelog", key="u 1"), healed_by("user-state-changelog", position="3:17")
    ... # doctest: +NORMALIZE_WHITESPACE
    ("stop all workers and run `tastestream state drop user-state-changelog --key 'u 1'`",
     'stop all workers and run `tastestream state drop user-state-changelog --at 3:17`')
    """
    named = f"--at {position}" if key is None else f"--key {shlex.quote(key)}"
    return f"stop all workers and run `tastestream state drop {changelog} {named}`"


class Table(Generic[R]):
    """All partitions of one kind of state that this worker owns, and the changelog that they live in.

    `kind`, `version`: of every packed row (`packing.head`); what begins otherwise is found at recovery.
    `is_expendable`: whether a row is evicted before all others; `forget`: told the key of a row that was evicted.
    `most_open`: rows of a partition that stay unpacked between chunks, all of them if None.
    """

    def __init__(
        self,
        changelog: str,
        unpack: Callable[[str, bytes], R],
        new: Callable[[str], R],
        *,
        kind: bytes,
        version: int,
        is_expendable: Callable[[str], bool] = lambda key: False,
        forget: Callable[[str], None] = lambda key: None,
        most_open: int | None = None,
    ) -> None:
        self.changelog = changelog
        self.partitions: dict[int, TablePartition[R]] = {}
        self._kind = kind
        self._version = version
        self._unpack = unpack
        self._new = new
        self._is_expendable = is_expendable
        self._forget = forget
        self._most_open = most_open

    def __len__(self) -> int:
        return sum(len(partition) for partition in self.partitions.values())

    @property
    def expendable(self) -> int:
        """How many rows are evicted before all others."""
        return sum(partition.expendable for partition in self.partitions.values())

    def blank_partition(self) -> TablePartition[R]:
        """An empty partition to be filled by recovery; it counts once it is put into `partitions`."""
        return TablePartition(
            self.changelog,
            self._kind,
            self._unpack,
            self._new,
            self._is_expendable,
            self._forget,
            self._version,
            self._most_open,
        )
