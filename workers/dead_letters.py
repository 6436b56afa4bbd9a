"""Dead letters: a record that can't be used, kept as it came with the reason in its headers. No I/O here."""

import traceback

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.headers import header_text
from workers.records.out import Headers, OutRecord
from workers.stream.chunk import Record

CONNECT = "__connect.errors."
REASON_HEADER = "tastestream.reason"
ATTEMPT_HEADER = "tastestream.attempt"
OMITTED_HEADER = "tastestream.omitted_bytes"
MAX_MESSAGE_BYTES = 1024
MAX_STACKTRACE_BYTES = 4096
MAX_ORIGINAL_BYTES = 3 * 1024 * 1024  # beyond it the letter itself could be refused and stop the worker
MAX_ATTEMPT = 1_000_000


def reason_of(error: Exception) -> str:
    """The code of a bad record, or `processing_failed` for anything that we did not expect."""
    return error.code if isinstance(error, BadRecordError) else Reason.PROCESSING_FAILED


def dead_letter(record: Record, error: Exception, stage: str) -> OutRecord:
    """The letter: key, value, headers and time of the record untouched, ours appended.

    Headers of an earlier attempt of ours are replaced, so that replaying letters does not grow them. A
    record too large for the dead-letter topic leaves a letter without content: it is still in its own
    topic, at the offset that the letter names.
    """
    ours = _headers(record, error, stage)
    size = _size(record)
    if size > MAX_ORIGINAL_BYTES:
        return OutRecord(None, None, (*ours, (OMITTED_HEADER, b"%d" % size)), record.timestamp)
    return OutRecord(record.key, record.value, (*_original_headers(record), *ours), record.timestamp)


def _headers(record: Record, error: Exception, stage: str) -> Headers:
    trace = "".join(traceback.format_exception(error))
    return (
        (CONNECT + "topic", _utf8(record.topic)),
        (CONNECT + "partition", b"%d" % record.partition),
        (CONNECT + "offset", b"%d" % record.offset),
        (CONNECT + "stage", _utf8(stage)),
        (CONNECT + "exception.class.name", _utf8(f"{type(error).__module__}.{type(error).__qualname__}")),
        (CONNECT + "exception.message", _utf8(str(error))[:MAX_MESSAGE_BYTES]),
        (CONNECT + "exception.stacktrace", _utf8(trace)[-MAX_STACKTRACE_BYTES:]),
        (REASON_HEADER, _utf8(reason_of(error))),
        (ATTEMPT_HEADER, b"%d" % (_attempt(record) + 1)),
    )


def _original_headers(record: Record) -> Headers:
    if header_text(record.headers, REASON_HEADER) is None:
        return tuple(record.headers)
    ours = (REASON_HEADER, ATTEMPT_HEADER)
    return tuple(
        (name, content) for name, content in record.headers if name not in ours and not name.startswith(CONNECT)
    )


def _attempt(record: Record) -> int:
    text = header_text(record.headers, ATTEMPT_HEADER) or ""
    return min(int(text), MAX_ATTEMPT) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")


def _size(record: Record) -> int:
    contents = [record.key, record.value, *(content for _, content in record.headers)]
    names = sum(len(name) for name, _ in record.headers)
    return names + sum(len(content) for content in contents if content is not None)
