"""Compressed batches are unpacked within a bound: one megabyte may hold gigabytes, which no worker survives (no I/O).

aiokafka unpacks a batch whole, by decoders that its record module finds by name; ours take their place. A batch that
is larger than the bound, or damaged, is read as one record that says so: the record is refused like any other that
makes no sense, and the partition goes on.
"""

import logging
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cramjam
from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

log = logging.getLogger(__name__)

# Bytes that a batch may have unpacked. Kafka takes 1 MiB packed by default, which JSON fills with 10 to 20 MiB.
MOST_BYTES = 64 << 20
# Room that is tried first, as a multiple of the packed size, and how much more then: few batches need a second try.
USUAL_RATIO, MORE = 16, 8
LEAST_ROOM = 64 << 10
GZIP_WINDOW = 31  # zlib's: the largest, with gzip's header
XERIAL_HEAD = 16  # bytes before the first block of snappy as Java frames it; each block has its length before it


class UnpackingError(Exception):
    """A batch can't be unpacked within the bound."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """The one record that a batch is read as; its fields are those of aiokafka's raw records."""

    offset: int
    timestamp: int
    timestamp_type: int
    value: bytes
    key: bytes | None = None
    checksum: None = None
    headers: tuple[()] = ()


class BoundedRecords(MemoryRecords):  # type: ignore[misc]
    """aiokafka's batches of one fetch, those compressed ones in a wrapper."""

    def next_batch(self) -> Any:
        """The next batch, None at the end."""
        batch = super().next_batch()
        return batch if batch is None or not batch.compression_type else _Batch(batch)


def bound_unpacking() -> None:
    """Have all consumers of this process unpack within the bound; a second call changes nothing."""
    found_by_name = sys.modules[DefaultRecordBatch.__module__]
    for name, decode in _DECODERS.items():
        setattr(found_by_name, name, decode)
    fetcher.MemoryRecords = BoundedRecords


class _Batch:
    """A batch that can be iterated whatever is in it; all else is the inner one's."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(self._inner)  # unpacks
        except UnpackingError as error:
            last = self._inner.next_offset - 1
            log.error("the batch of records that ends at offset %d is left out: %s", last, error)
            said = f"a batch that {error}"
            return iter([StandIn(last, self._inner.max_timestamp, self._inner.timestamp_type, said.encode())])


def _gzip(payload: bytes) -> bytes:
    found, left = b"", bytes(payload)
    while left:  # members may follow each other
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            found += member.decompress(left, MOST_BYTES + 1 - len(found))
        except zlib.error as error:
            raise _unpackable() from error
        if len(found) > MOST_BYTES or not member.eof:
            raise _unpackable()
        left = member.unused_data
    return found


def _snappy(payload: bytes) -> bytes:
    data = memoryview(payload)
    try:
        blocks = _xerial_blocks(data) if codec._detect_xerial_stream(data) else [data]
        if sum(cramjam.snappy.decompress_raw_len(block) for block in blocks) > MOST_BYTES:
            raise _unpackable()
        return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)
    except cramjam.DecompressionError as error:
        raise _unpackable() from error


def _xerial_blocks(data: memoryview) -> list[memoryview]:
    blocks, start = [], XERIAL_HEAD
    while start < len(data):
        end = start + 4 + int.from_bytes(data[start : start + 4], "big")
        blocks.append(data[start + 4 : end])
        start = end
    return blocks


def _into(decompress_into: Callable[[Any, bytearray], int]) -> Callable[[bytes], bytes]:
    def unpacked(payload: bytes) -> bytes:
        size = min(max(LEAST_ROOM, USUAL_RATIO * len(payload)), MOST_BYTES)
        while True:
            room = bytearray(size)
            try:
                return bytes(memoryview(room)[: decompress_into(payload, room)])
            except cramjam.DecompressionError as error:
                if size == MOST_BYTES:
                    raise _unpackable() from error
                size = min(MORE * size, MOST_BYTES)

    return unpacked


def _unpackable() -> UnpackingError:
    return UnpackingError(f"is damaged, or has more than {MOST_BYTES >> 20} MiB unpacked: send smaller ones")


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip_decode": _gzip,
    "snappy_decode": _snappy,
    "lz4_decode": _into(cramjam.lz4.decompress_into),
    "zstd_decode": _into(cramjam.zstd.decompress_into),
}
