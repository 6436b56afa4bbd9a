"""Which partition a key belongs to: Java's murmur2, as Kafka's own clients and aiokafka compute it."""

from functools import lru_cache

from aiokafka.partitioner import murmur2

# Keys whose partition is remembered, 8 MB when full: murmur2 in Python costs 4 µs.
REMEMBERED_KEYS = 32_768


@lru_cache(maxsize=REMEMBERED_KEYS)
def partition_of(key: str, partitions: int) -> int:
    """Partition of `key` among `partitions`.

    >>> partition_of("u1", 8), partition_of("u2", 8)
    (0, 6)
    """
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)
