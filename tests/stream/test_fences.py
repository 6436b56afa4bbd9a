"""Kafka refuses the rows of a worker that was replaced, whatever its own clock says."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio

from load.faults.logs import read_all
from tests.clients.codecs import codecs_of
from tests.kafka import create_topic
from workers.errors import DependencyError
from workers.records.out import OutRecord
from workers.stream.writer import Writer


def row(value: bytes) -> OutRecord:
    return OutRecord(b"key", value)


@asynccontextmanager
async def writer_of(broker: str, owner: str) -> AsyncIterator[Writer]:
    writer = Writer({"bootstrap_servers": broker}, owner=owner, patience_s=20)
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


@pytest_asyncio.fixture
async def changelog(broker: str) -> str:
    return await create_topic(broker, "changelog", partitions=2)


@pytest_asyncio.fixture
async def pair(broker: str, changelog: str) -> AsyncIterator[tuple[Writer, Writer]]:
    """Two writers of one group."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(writer_of(broker, changelog))
        yield first, await stack.enter_async_context(writer_of(broker, changelog))


async def values(broker: str, changelog: str) -> list[bytes | None]:
    """Rows of partition 0, marks of owners left out."""
    records = await read_all(broker, changelog)
    return [record.value for record in records if record.partition == 0 and record.value is not None]


async def test_rows_are_compressed_and_what_others_read_is_not(broker: str, changelog: str) -> None:
    evidence, letters = await create_topic(broker, "evidence"), await create_topic(broker, "letters")
    options = {"bootstrap_servers": broker}
    writer = Writer(options, owner=changelog, patience_s=20, codec="zstd", uncompressed=[letters])
    await writer.start()
    try:
        await writer.own(changelog, {0}, {0})
        for topic in (changelog, evidence, letters):
            await writer.send(topic, 0, [row(b"much of the same, " * 100)])
    finally:
        await writer.stop()
    assert await codecs_of(broker, changelog) == {"zstd": 2}  # the mark of its owner is one, too
    assert await codecs_of(broker, evidence) == {"zstd": 1}
    assert await codecs_of(broker, letters) == {"none": 1}
    assert await values(broker, changelog) == [b"much of the same, " * 100]


async def test_a_replaced_writer_is_refused_and_ends(broker: str, changelog: str, pair: tuple[Writer, Writer]) -> None:
    first, second = pair
    await first.own(changelog, {0}, {0})
    await first.send(changelog, 0, [row(b"of the first")])
    await second.own(changelog, {0}, {0})
    with pytest.raises(DependencyError, match="ProducerFenced"):
        await first.send(changelog, 0, [row(b"too late")])
    await second.send(changelog, 0, [row(b"of the second")])
    assert first.crashed
    assert await values(broker, changelog) == [b"of the first", b"of the second"]


async def test_a_partition_that_no_other_took_stays_ours(
    broker: str, changelog: str, pair: tuple[Writer, Writer]
) -> None:
    first, second = pair
    await first.own(changelog, {0, 1}, {0, 1})
    await second.own(changelog, {1}, {1})
    await first.send(changelog, 0, [row(b"a")])
    assert await values(broker, changelog) == [b"a"]


async def test_a_partition_that_comes_back_is_written_again(
    broker: str, changelog: str, pair: tuple[Writer, Writer]
) -> None:
    first, second = pair
    for number, writer in enumerate((first, second, first, second, first)):
        await writer.own(changelog, {0}, {0})
        for part in (b"a", b"b"):
            await writer.send(changelog, 0, [row(b"%d%s" % (number, part))])
    expected = [b"%d%s" % (number, part) for number in range(5) for part in (b"a", b"b")]
    assert await values(broker, changelog) == expected


async def test_writers_of_another_group_do_not_meet(broker: str, changelog: str) -> None:
    async with writer_of(broker, "one") as first, writer_of(broker, "other") as second:
        await first.own(changelog, {0}, {0})
        await second.own(changelog, {0}, {0})
        await first.send(changelog, 0, [row(b"a")])
        assert await values(broker, changelog) == [b"a"]


async def test_a_renewed_right_is_as_good_as_the_old_one(
    broker: str, changelog: str, pair: tuple[Writer, Writer]
) -> None:
    writer, _ = pair
    await writer.own(changelog, {0}, {0})
    for value in (b"a", b"b", b"c"):
        await writer.send(changelog, 0, [row(value)])
        await writer.renew(changelog, 0)
    assert await values(broker, changelog) == [b"a", b"b", b"c"]


async def test_renewing_what_another_worker_wrote_meanwhile_ends_the_worker(
    changelog: str, pair: tuple[Writer, Writer]
) -> None:
    first, second = pair
    await first.own(changelog, {0}, {0})
    await second.own(changelog, {0}, {0})
    with pytest.raises(DependencyError, match="written by another worker"):
        await first.renew(changelog, 0)
