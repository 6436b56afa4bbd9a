"""Where a record of a user entered the stream, and how it goes on to its owner's partition (no I/O).

Clients hash keys differently, or send none; a guest turns out to be a user: such records are forwarded to
`interactions-rerouted` with their first place in a header, and folded there once, however often they are sent.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.headers import InHeaders, header_text
from workers.records.out import Headers, OutRecord
from workers.stream.chunk import Record
from workers.topics import Topics

FIRST_PLACE_HEADER = "tastestream.first_place"
VIA_HEADER = "tastestream.via"
SUBJECT_HEADER = "tastestream.subject"
KIND_HEADER = "tastestream.kind"
OUR_HEADERS = frozenset({FIRST_PLACE_HEADER, VIA_HEADER, SUBJECT_HEADER, KIND_HEADER})

MERGE, FORGET = "merge", "forget"
KINDS = frozenset({MERGE, FORGET})

# From partition to partition; a guest who became a user who became another needs two. More is a circle of
# `identify` records, which must end.
MAX_HOPS = 8
MAX_SUBJECT_BYTES = 512  # as of every id

_POSITION = re.compile(r"([0-9]{1,5}):([0-9]{1,18})")
_VIA = re.compile(r"([0-9]{1,5}):([0-9]{1,18}):([0-9]{1,2})")

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What headers say of a forwarded record: how often it was, whose it is if its body names another, of what kind.

    `kind` is empty for a client's own record, else one of `KINDS`.
    """

    hops: int
    subject: str = ""
    kind: str = ""


class Arrival(NamedTuple):
    """One record's places as (partition, offset), and how it was forwarded, if it was.

    `first`: in `user-interactions`. `origin`: in the order in which this worker reads it; receivers of evidence skip
    what is at or below the last origin that they saw. They differ for a forwarded record: first places of forwarded
    records arrive at an item in no order, origins ascending. `mark`: what the user's row skips it by when it comes
    again, (lane, offset). A lane is a way on which records reach this partition in the order of their offsets: from
    one partition of one topic, by its reader.
    """

    first: Position
    origin: Position
    mark: Position
    forwarding: Forwarding | None = None


def arrival_of(record: Record, topics: Topics, user_partitions: int) -> Arrival:
    """Places of a record of either topic; raises `BadRecordError` for a forwarded one without its first place."""
    here = (record.partition, record.offset)
    if record.topic != topics.interactions_rerouted:
        return Arrival(here, here, here)
    first = first_place_of(record.headers)
    via = _VIA.fullmatch(header_text(record.headers, VIA_HEADER) or "")
    if first is None or max(first[0], int(via[1]) if via else 0) >= user_partitions:
        raise BadRecordError(
            Reason.WRONG_PARTITION,
            f"a record of {record.topic} needs its first place as header {FIRST_PLACE_HEADER}: "
            f"publish events to {topics.user_interactions}",
        )
    if via is not None:
        mark, hops = (user_partitions + int(via[1]), int(via[2])), int(via[3])
    else:
        # Straight from `user-interactions`: lanes 0… unless records of that partition come here directly, too.
        mark, hops = (first[0] if first[0] != record.partition else 2 * user_partitions + first[0], first[1]), 1
    return Arrival(first, (user_partitions + record.partition, record.offset), mark, _forwarding(record, hops))


def first_place_of(headers: InHeaders) -> Position | None:
    """(partition, offset) of `user-interactions` that a forwarded record names; None without a usable one."""
    position = _POSITION.fullmatch(header_text(headers, FIRST_PLACE_HEADER) or "")
    return None if position is None else (int(position[1]), int(position[2]))


def forwarded(record: Record, arrival: Arrival, subject: str = "", kind: str = "") -> OutRecord:
    """The record as it came, on its way to `subject`, or to the one that its own headers or body name.

    Raises `BadRecordError` for one that was forwarded too often.
    """
    before = arrival.forwarding
    if before is not None:
        subject, kind = subject or before.subject, kind or before.kind
    theirs = tuple((name, content) for name, content in record.headers if name not in OUR_HEADERS)
    return OutRecord(
        record.key, record.value, (*theirs, *_our_headers(record, arrival, subject, kind)), record.timestamp
    )


def sent_on(record: Record, arrival: Arrival, value: bytes, subject: str, kind: str) -> OutRecord:
    """A record of ours to `subject`, by the places of the record that it follows from."""
    return OutRecord(subject.encode(), value, _our_headers(record, arrival, subject, kind), record.timestamp)


def _our_headers(record: Record, arrival: Arrival, subject: str, kind: str) -> Headers:
    headers: list[tuple[str, bytes | None]] = [(FIRST_PLACE_HEADER, b"%d:%d" % arrival.first)]
    if arrival.forwarding is not None:
        hops = arrival.forwarding.hops + 1
        if hops > MAX_HOPS:
            raise BadRecordError(
                Reason.TOO_MANY_HOPS,
                f"forwarded {MAX_HOPS} times and not at home: do identify records form a circle?",
            )
        headers.append((VIA_HEADER, b"%d:%d:%d" % (record.partition, record.offset, hops)))
    if subject:
        headers.append((SUBJECT_HEADER, subject.encode()))
    if kind:
        headers.append((KIND_HEADER, kind.encode()))
    return tuple(headers)


def _forwarding(record: Record, hops: int) -> Forwarding:
    kind, subject = header_text(record.headers, KIND_HEADER) or "", _subject(record.headers)
    if kind and (kind not in KINDS or not subject):
        raise BadRecordError(
            Reason.WRONG_PARTITION, f"no record of ours says {KIND_HEADER} {kind[:32]!r} without a subject"
        )
    return Forwarding(hops, subject, kind)


def _subject(headers: InHeaders) -> str:
    content = next((content for name, content in reversed(headers) if name == SUBJECT_HEADER), None) or b""
    try:
        if len(content) <= MAX_SUBJECT_BYTES:
            return content.decode()
    except UnicodeDecodeError:
        pass
    raise BadRecordError(Reason.INVALID_ID, f"the header {SUBJECT_HEADER} is no id")
