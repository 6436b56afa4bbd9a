"""Dead letters: a record that can't be used, kept as it came with the reason in its headers. No I/O here."""

import traceback

from workers.dead_letters.origin import ORIGIN_HEADER
from workers.records.codes import reason_of
from workers.records.headers import InHeaders, header_text
from workers.records.out import Headers, OutRecord
from workers.stream.chunk import Record

CONNECT = "__connect.errors."
FIRST_OF_OURS = CONNECT + "topic"
REASON_HEADER = "tastestream.reason"
ATTEMPT_HEADER = "tastestream.attempt"
TIME_HEADER = "tastestream.time_ms"
OMITTED_HEADER = "tastestream.omitted_bytes"
MAX_MESSAGE_BYTES = 1024
MAX_STACKTRACE_BYTES = 4096
MAX_ORIGINAL_BYTES = 3 * 1024 * 1024  # beyond it the letter itself could be refused and stop the worker
MAX_ATTEMPT = 1_000_000

_OF_REPLAYS = (ATTEMPT_HEADER, ORIGIN_HEADER)


def dead_letter(record: Record, error: Exception, stage: str) -> OutRecord:
    """The letter: key, value and headers of the record untouched, ours appended, its time among them.

    The letter's own time is that of its writing, so that it is kept as long as any other. Headers of an earlier
    attempt of ours are replaced, so that replaying letters does not grow them. A record too large for the
    dead-letter topic leaves a letter without content: it is still in its own topic, at the offset that the
    letter names.
    """
    ours = _headers(record, error, stage)
    size = _size(record)
    if size > MAX_ORIGINAL_BYTES:
        return OutRecord(None, None, (*ours, (OMITTED_HEADER, b"%d" % size)))
    return OutRecord(record.key, record.value, (*original_headers(record.headers), *ours))


def original_headers(headers: InHeaders) -> Headers:
    """Headers as their producer sent them: without those of a letter, and without those of a replay.

    >>> original_headers([("trace", b"7"), ("__connect.errors.topic", b"t"), ("tastestream.reason", b"wrong_type")])
    (('trace', b'7'),)
    """
    theirs = list(headers)
    if header_text(headers, REASON_HEADER) is not None:
        starts = [position for position, (name, _) in enumerate(theirs) if name == FIRST_OF_OURS]
        # Ours come last: an earlier header of that name is another tool's, such as Kafka Connect's.
        theirs = theirs[: starts[-1]] if starts else [one for one in theirs if one[0] != REASON_HEADER]
    return tuple((name, content) for name, content in theirs if name not in _OF_REPLAYS)


def attempts(headers: InHeaders) -> int:
    """How often a record with these headers was refused before; 0 for one that is not a replay."""
    text = header_text(headers, ATTEMPT_HEADER) or ""
    return min(int(text), MAX_ATTEMPT) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _headers(record: Record, error: Exception, stage: str) -> Headers:
    trace = "".join(traceback.format_exception(error))
    origin = header_text(record.headers, ORIGIN_HEADER)
    return (
        (FIRST_OF_OURS, _utf8(record.topic)),
        (CONNECT + "partition", b"%d" % record.partition),
        (CONNECT + "offset", b"%d" % record.offset),
        (CONNECT + "stage", _utf8(stage)),
        (CONNECT + "exception.class.name", _utf8(f"{type(error).__module__}.{type(error).__qualname__}")),
        (CONNECT + "exception.message", _utf8(str(error))[:MAX_MESSAGE_BYTES]),
        (CONNECT + "exception.stacktrace", _utf8(trace)[-MAX_STACKTRACE_BYTES:]),
        (REASON_HEADER, _utf8(reason_of(error))),
        (ATTEMPT_HEADER, b"%d" % (attempts(record.headers) + 1)),
        (TIME_HEADER, b"%d" % record.timestamp),
        *(() if origin is None else ((ORIGIN_HEADER, _utf8(origin)),)),
    )


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")


def _size(record: Record) -> int:
    contents = [record.key, record.value, *(content for _, content in record.headers)]
    names = sum(len(name) for name, _ in record.headers)
    return names + sum(len(content) for content in contents if content is not None)
