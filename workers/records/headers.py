"""Where a reply goes and what it carries, read from headers or body fields of a request's record.

Works on requests that can't be decoded too: they get an error reply.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workers.errors import BadRecordError
from workers.records.cloud_events import opened
from workers.records.out import Headers

InHeaders = Sequence[tuple[str, bytes | None]]

CORRELATION_HEADERS = ("kafka_correlationId", "correlation_id", "correlationId", "Faust-Ag-CorrelationId")
REPLY_TOPIC_HEADERS = ("kafka_replyTopic", "reply_to", "replyTo", "Faust-Ag-ReplyTo")
REPLY_PARTITION_HEADER = "kafka_replyPartition"
MAX_CORRELATION_BYTES = 4096  # larger ones could make the reply too large for Kafka
MAX_PARTITION = 1_000_000  # no cluster has more; four ASCII digits read as a big-endian int are above it

_PARTITION_TEXT = re.compile(rb"[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """A reply's address; `partition` None leaves it to the key; `headers` are echoed as they came.

    `correlation_id` is a body field's, echoed in the reply's body. `refused` says why the address asked
    for is not used: then the topic is the default one and only an error reply is due.
    """

    topic: str
    partition: int | None = None
    headers: Headers = ()
    correlation_id: str | int | None = None
    refused: str = ""


def reply_to(
    headers: InHeaders, value: bytes | None, default_topic: str, may_reply_to: Callable[[str], bool]
) -> ReplyTo:
    """The address of the reply to a request record; never raises, a bad address comes back as `refused`."""
    latest = {name: content for name, content in headers if content is not None}
    body = _readable_body(value, headers)
    address = ReplyTo(default_topic, headers=_echoed(latest), correlation_id=_body_correlation(body))
    if problem := _correlation_problem(latest):
        return replace(address, refused=problem)
    topic = _asked_topic(latest, body)
    if topic is None:
        return address
    if not may_reply_to(topic):
        return replace(address, refused=f"replies may not be sent to the topic {topic[:249]!r}: name another")
    return _with_partition(replace(address, topic=topic), default_topic, latest.get(REPLY_PARTITION_HEADER))


def header_text(headers: InHeaders, name: str) -> str | None:
    """The last header of that name as text; bytes that are not UTF-8 become replacement characters."""
    for header, content in reversed(headers):
        if header == name and content is not None:
            return content.decode(errors="replace")
    return None


def _readable_body(value: bytes | None, headers: InHeaders) -> Mapping[str, Any]:
    try:
        return opened(value, headers)[0]
    except BadRecordError:
        return {}


def _echoed(latest: Mapping[str, bytes]) -> Headers:
    return tuple(
        (name, latest[name])
        for name in CORRELATION_HEADERS
        if name in latest and len(latest[name]) <= MAX_CORRELATION_BYTES
    )


def _body_correlation(body: Mapping[str, Any]) -> str | int | None:
    given = body.get("correlation_id", body.get("correlationId"))
    if isinstance(given, str):
        return given if len(given) <= MAX_CORRELATION_BYTES else None
    return given if isinstance(given, int) else None


def _correlation_problem(latest: Mapping[str, bytes]) -> str:
    for name in CORRELATION_HEADERS:
        if len(latest.get(name, b"")) > MAX_CORRELATION_BYTES:
            return f"the header {name} has more than {MAX_CORRELATION_BYTES} bytes and can't be echoed"
    return ""


def _asked_topic(latest: Mapping[str, bytes], body: Mapping[str, Any]) -> str | None:
    for name in REPLY_TOPIC_HEADERS:
        if name in latest:
            return latest[name].decode(errors="replace")
    asked = body.get("reply_to", body.get("replyTo"))
    # What is no text can be no topic; written out it could be nested too deeply for Python.
    return asked if asked is None or isinstance(asked, str) else ""


def _with_partition(address: ReplyTo, default_topic: str, content: bytes | None) -> ReplyTo:
    if content is None:
        return address
    partition = _partition(content)
    if partition is None:
        refused = f"{REPLY_PARTITION_HEADER} must be a 4-byte big-endian int or digits"
        return replace(address, topic=default_topic, refused=refused)
    return replace(address, partition=partition)


def _partition(content: bytes) -> int | None:
    if len(content) == 4 and (number := int.from_bytes(content, "big", signed=True)) <= MAX_PARTITION:
        return number if number >= 0 else None
    return int(content) if _PARTITION_TEXT.fullmatch(content) else None
