"""Where a replayed dead letter was first refused: what it is recognised by when it comes again (no I/O).

A replay is a new record at a new offset, so no watermark shows that it came before. Its header names the place
of the record that was refused first, however often it was refused and replayed since.
"""

import re
from dataclasses import dataclass

from workers.records.headers import InHeaders, header_text

ORIGIN_HEADER = "tastestream.origin"

_ORIGIN = re.compile(r"([a-zA-Z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Origin:
    """One record's place in Kafka.

    >>> str(Origin("user-interactions", 3, 41))
    'user-interactions/3/41'
    """

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def event_id(self) -> str:
        """The id of an event that has none of its own, so that two replays of it count once."""
        return f"dlq:{self}"


def parse_origin(text: str) -> Origin | None:
    """Read what `str` wrote; None for anything else.

    >>> parse_origin("user-interactions/3/41"), parse_origin("3/41")
    (Origin(topic='user-interactions', partition=3, offset=41), None)
    """
    found = _ORIGIN.fullmatch(text)
    return None if found is None else Origin(found[1], int(found[2]), int(found[3]))


def origin_of(headers: InHeaders) -> Origin | None:
    """Where a record with these headers was first refused; None for one that is not a replay."""
    text = header_text(headers, ORIGIN_HEADER) if headers else None
    return None if text is None else parse_origin(text)
