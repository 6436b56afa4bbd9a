"""What keeps `item-catalog` a true copy of the catalog: its last record of each item says all of it (no I/O).

The topic is compacted: of each key only the last record is sure to stay. Three things would make that one say
less than the row knows, and each is made up for by a record of ours on the same topic:
- a record under another key or in another partition is *forwarded*: sent again to its item's place, with its
  first place in a header, so that forwarding twice changes nothing;
- after a change of some fields, after a record that can't be used, and after one that came late, the whole item
  is *restated*, with the place that it is true for in a header.
See docs/decisions/0007-partial-updates.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from workers.dead_letters.origin import origin_of
from workers.errors import BadRecordError
from workers.items.rows import ItemRow
from workers.records.codes import Reason
from workers.records.headers import header_text
from workers.records.out import OutRecord
from workers.stream.chunk import Record
from workers.topics import MAX_PARTITIONS

FIRST_PLACE_HEADER = "tastestream.first_place"
STATED_HEADER = "tastestream.stated"

_POSITION = re.compile(r"([0-9]{1,5}):([0-9]{1,18})")
_STATED = re.compile(r"([0-9]{1,18})((?: [0-9]{1,5}:[0-9]{1,18}){0,64})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stated:
    """A restatement holds all records of its item up to `offset`, and those forwarded from these first places."""

    offset: int
    forwarded: Mapping[int, int]

    def is_all_of(self, row: ItemRow) -> bool:
        """Whether the row knows no more than this."""
        return (self.offset, self.forwarded) == (row.catalog_offset, row.forwarded)


def forwarded(record: Record, item_id: str) -> OutRecord:
    """The record as it came, under its item's key, with its first place noted."""
    if first_place(record, MAX_PARTITIONS) is not None:
        raise BadRecordError(
            Reason.WRONG_PARTITION,
            f"item {item_id!r}: a record with the header {FIRST_PLACE_HEADER} is not where its item belongs: "
            "publish it without that header",
        )
    ours = (FIRST_PLACE_HEADER, STATED_HEADER)
    headers = tuple((name, content) for name, content in record.headers if name not in ours)
    position = (FIRST_PLACE_HEADER, b"%d:%d" % (record.partition, record.offset))
    return OutRecord(item_id.encode(), record.value, (*headers, position), record.timestamp)


def first_place(record: Record, partitions: int) -> tuple[int, int] | None:
    """(partition, offset) where a forwarded record was before; None for one that was published or replayed here."""
    if not record.headers or origin_of(record.headers) is not None:
        return None
    position = _POSITION.fullmatch(header_text(record.headers, FIRST_PLACE_HEADER) or "")
    return None if position is None or int(position[1]) >= partitions else (int(position[1]), int(position[2]))


def restated(item_id: str, row: ItemRow) -> OutRecord:
    """All that the row knows of the catalog's item, as a record that can stand alone."""
    stated = " ".join((str(row.catalog_offset), *(f"{p}:{offset}" for p, offset in row.forwarded.items())))
    return OutRecord(item_id.encode(), _wire(row), ((STATED_HEADER, stated.encode()),))


def stated_of(record: Record, partitions: int) -> Stated | None:
    """What a restatement holds; None for any other record, and for one that was copied from elsewhere."""
    found = _STATED.fullmatch(header_text(record.headers, STATED_HEADER) or "") if record.headers else None
    if found is None or int(found[1]) >= record.offset:
        return None
    positions = {int(partition): int(offset) for partition, offset in _POSITION.findall(found[2])}
    return Stated(int(found[1]), positions) if all(partition < partitions for partition in positions) else None


def _wire(row: ItemRow) -> bytes | None:
    if row.catalog is None:
        return None
    entry = row.entry()
    if "published_at" in entry:  # as a number of milliseconds, a date near 1970 would be read as seconds
        entry["published_at"] = (_EPOCH + timedelta(milliseconds=entry["published_at"])).isoformat()
    return orjson.dumps(entry)
