"""Where an event entered the stream, and the way back to its owner's partition (no I/O).

Clients hash keys differently, or send none. An event in a partition that is not its user's is forwarded to
`interactions-rerouted`, with its first place in a header: folded there once, however often it is forwarded.
"""

import re
from dataclasses import dataclass

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.headers import InHeaders, header_text
from workers.records.out import OutRecord
from workers.stream.chunk import Record
from workers.topics import Topics

FIRST_PLACE_HEADER = "tastestream.first_place"

_PLACE = re.compile(r"([0-9]{1,5}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record's places as (partition, offset).

    `first`: in `user-interactions`; the user's row skips it when it comes again. `origin`: in the order in which
    this worker reads it; receivers of evidence skip what is at or below the last origin that they saw. They differ
    for a forwarded record: first places of forwarded records arrive at an item in no order, origins ascending.
    """

    first: tuple[int, int]
    origin: tuple[int, int]


def arrival_of(record: Record, topics: Topics, user_partitions: int) -> Arrival:
    """Places of a record of either topic; raises `BadRecordError` for a forwarded one without its first place."""
    here = (record.partition, record.offset)
    if record.topic != topics.interactions_rerouted:
        return Arrival(here, here)
    place = first_place_of(record.headers)
    if place is None or place[0] >= user_partitions:
        raise BadRecordError(
            Reason.WRONG_PARTITION,
            f"a record of {record.topic} needs its first place as header {FIRST_PLACE_HEADER}: "
            f"publish events to {topics.user_interactions}",
        )
    return Arrival(place, (user_partitions + record.partition, record.offset))


def first_place_of(headers: InHeaders) -> tuple[int, int] | None:
    """(partition, offset) of `user-interactions` that a forwarded record names; None without a usable one."""
    place = _PLACE.fullmatch(header_text(headers, FIRST_PLACE_HEADER) or "")
    return None if place is None else (int(place[1]), int(place[2]))


def forwarded(record: Record) -> OutRecord:
    """The record as it came, with its first place noted."""
    place = (FIRST_PLACE_HEADER, b"%d:%d" % (record.partition, record.offset))
    headers = tuple((name, content) for name, content in record.headers if name != FIRST_PLACE_HEADER)
    return OutRecord(record.key, record.value, (*headers, place), record.timestamp)
