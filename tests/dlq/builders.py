"""Letters that are valid by default."""

from dataclasses import replace
from typing import Any

from aiokafka import TopicPartition

from tests.stream.builders import record_at
from workers.admin.dead_letters.letter import Letter, letter_of
from workers.dead_letters.writer import dead_letter
from workers.errors import BadRecordError
from workers.records.out import Headers
from workers.stream.chunk import Record
from workers.topics import Topics

TOPICS = Topics()
TIME_MS = 1_714_564_800_000
REFUSED_MS = TIME_MS + 5_000
HEADERS: Headers = (("trace", b"\xfe"), ("empty", None))


def refused(
    topic: str = "user-interactions",
    offset: int = 41,
    key: bytes | None = b"u1",
    value: bytes | None = b'{"event_type":"teleport"}',
    headers: Headers = HEADERS,
) -> Record:
    """A record that a worker could not use."""
    return record_at(TopicPartition(topic, 3), offset, key, value, TIME_MS, headers)


def as_read(record: Record, code: str = "unknown_event_type", message: str = "teleport is not an event type") -> Record:
    """The letter about it, as it lies on the dead-letter topic."""
    out = dead_letter(record, BadRecordError(code, message), "interactions")
    return record_at(TopicPartition("dead-letters", 0), 17, out.key, out.value, REFUSED_MS, out.headers)


def letter(record: Record | None = None, code: str = "unknown_event_type", **changes: Any) -> Letter:
    """The letter about a record, read back."""
    found = letter_of(as_read(record or refused(), code), TOPICS)
    assert found is not None
    return replace(found, **changes)
