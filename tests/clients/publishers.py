"""Producers of three clients under one signature: codec, partitioner, with or without a transaction (touches Kafka)."""

import asyncio
import random
import tempfile
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer

from tests.clients.processes import kcat_environment, run
from tests.kafka import unique_name
from tests.worker.transactions import Sent, send

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
"""By the number that a batch says."""

PARTITIONERS = ("murmur2_random", "consistent_random", "random")
"""By librdkafka's names: Java's, librdkafka's own (CRC32), any."""

KCATS_AT_ONCE = 4
LINGER_MS = 20  # all records of a call in one batch: few bytes would stay uncompressed
WITHIN_S = 30.0


@dataclass(frozen=True)
class How:
    """How a client publishes."""

    codec: str = "none"
    partitioner: str = "murmur2_random"
    transactional: bool = False


async def by_aiokafka(bootstrap: str, how: How, records: Sequence[Sent]) -> None:
    """Publish; returns when all is acknowledged, or the transaction is committed."""
    codec = None if how.codec == "none" else how.codec
    names = {"transactional_id": unique_name("matrix")} if how.transactional else {}
    settings = {"compression_type": codec, "partitioner": _AIOKAFKAS[how.partitioner], "linger_ms": LINGER_MS, **names}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", **settings) as producer:
        if how.transactional:
            async with producer.transaction():
                await _send(producer, records)
        else:
            await _send(producer, records)


async def by_confluent(bootstrap: str, how: How, records: Sequence[Sent]) -> None:
    """As `by_aiokafka`, over librdkafka."""
    await asyncio.to_thread(_by_confluent, bootstrap, how, records)


async def by_kcat(bootstrap: str, how: How, records: Sequence[Sent]) -> None:
    """As `by_aiokafka`, a process for each kind of record; a transaction for each, too."""
    free = asyncio.Semaphore(KCATS_AT_ONCE)

    async def one(record: Sent, copies: int) -> None:
        async with free:
            await _by_kcat(bootstrap, how, record, copies)

    await asyncio.gather(*(one(record, records.count(record)) for record in dict.fromkeys(records)))


Publish = Callable[[str, How, Sequence[Sent]], Awaitable[None]]
CLIENTS: Mapping[str, Publish] = {"aiokafka": by_aiokafka, "confluent": by_confluent, "kcat": by_kcat}


def _crc32(key: bytes, everywhere: list[int], available: list[int]) -> int:
    return everywhere[zlib.crc32(key) % len(everywhere)]


def _anywhere(key: bytes, everywhere: list[int], available: list[int]) -> int:
    return random.choice(available)


_AIOKAFKAS = dict(zip(PARTITIONERS, (DefaultPartitioner(), _crc32, _anywhere), strict=True))


async def _send(producer: AIOKafkaProducer, records: Iterable[Sent]) -> None:
    sending = [
        await producer.send(
            one.topic,
            one.value,
            key=one.key.encode(),
            partition=one.partition,
            headers=[(name, text.encode()) for name, text in one.headers],
        )
        for one in records
    ]
    await asyncio.gather(*sending)


def _by_confluent(bootstrap: str, how: How, records: Sequence[Sent]) -> None:
    names = {"transactional.id": unique_name("matrix")} if how.transactional else {}
    settings = {"compression.type": how.codec, "partitioner": how.partitioner, "linger.ms": LINGER_MS}
    producer = Producer({"bootstrap.servers": bootstrap, **settings, **names})
    if not how.transactional:
        send(producer, records)
        return
    producer.init_transactions(WITHIN_S)
    producer.begin_transaction()
    send(producer, records)
    producer.commit_transaction(WITHIN_S)


async def _by_kcat(bootstrap: str, how: How, record: Sent, copies: int) -> None:
    names = ("-X", f"transactional.id={unique_name('matrix')}") if how.transactional else ()
    settings = ("-z", how.codec, "-X", f"partitioner={how.partitioner}", "-X", f"linger.ms={LINGER_MS}", *names)
    where = () if record.partition is None else ("-p", str(record.partition))
    headers = [part for name, text in record.headers for part in ("-H", f"{name}={text}")]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "value"  # kcat makes one record of each file: bytes stay as they are
        file.write_bytes(record.value or b"")
        command = ["kcat", "-P", "-b", bootstrap, "-t", record.topic, "-k", record.key]
        await run(["env", *command, *where, *headers, *settings, *([str(file)] * copies)], **kcat_environment())
