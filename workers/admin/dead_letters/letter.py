"""A dead letter as it is read back: what was refused, where, and why (no I/O)."""

from dataclasses import dataclass

from workers.dead_letters.origin import Origin, origin_of, parse_origin
from workers.dead_letters.writer import (
    CONNECT,
    OMITTED_HEADER,
    REASON_HEADER,
    TIME_HEADER,
    attempts,
    original_headers,
)
from workers.records.headers import InHeaders, header_text
from workers.records.out import Headers
from workers.stream.chunk import Record
from workers.topics import Topics
from workers.users.arrivals import first_place_of


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter; key, value, headers and time are those of the record that was refused.

    `partition`, `offset`: the letter's own. `position`: where the refused record is. `origin`: where it was refused
    first; a letter about a replay differs in it from its place. `omitted_bytes`: size of a content too large for
    a letter, else None.
    """

    partition: int
    offset: int
    refused_at_ms: int
    position: Origin
    origin: Origin
    stage: str
    reason: str
    attempt: int
    error_class: str
    message: str
    stacktrace: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    time_ms: int | None
    omitted_bytes: int | None

    @property
    def name(self) -> str:
        """How `dlq list` calls it and `dlq show` takes it."""
        return f"{self.partition}:{self.offset}"


def letter_of(record: Record, topics: Topics) -> Letter | None:
    """The letter, or None for a record of the dead-letter topic that is not one of ours."""
    position = parse_origin("/".join(_ours(record.headers, part) for part in ("topic", "partition", "offset")))
    reason = header_text(record.headers, REASON_HEADER)
    if position is None or reason is None:
        return None
    headers = original_headers(record.headers)
    return Letter(
        partition=record.partition,
        offset=record.offset,
        refused_at_ms=record.timestamp,
        position=position,
        origin=origin_of(record.headers) or _first_place(position, headers, topics),
        stage=_ours(record.headers, "stage"),
        reason=reason,
        attempt=attempts(record.headers),
        error_class=_ours(record.headers, "exception.class.name"),
        message=_ours(record.headers, "exception.message"),
        stacktrace=_ours(record.headers, "exception.stacktrace"),
        key=record.key,
        value=record.value,
        headers=headers,
        time_ms=_number(record.headers, TIME_HEADER),
        omitted_bytes=_number(record.headers, OMITTED_HEADER),
    )


def _ours(headers: InHeaders, part: str) -> str:
    return header_text(headers, CONNECT + part) or ""


def _first_place(position: Origin, headers: InHeaders, topics: Topics) -> Origin:
    """A forwarded record entered the stream elsewhere: a rebuild meets it there, not where it was forwarded to."""
    entered = first_place_of(headers) if position.topic == topics.interactions_rerouted else None
    return position if entered is None else Origin(topics.user_interactions, *entered)


def _number(headers: InHeaders, name: str) -> int | None:
    text = header_text(headers, name) or ""
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20 else None
