"""A record on its way out, before anyone decided how it is sent."""

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes | None], ...]  # Kafka allows a header without a value


@dataclass(frozen=True, slots=True)
class OutRecord:
    """Key, value and headers as bytes; `timestamp_ms` None means the time of sending."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int | None = None
