"""A minimal stream application: counts records per key, by the same steps as the product's agents."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka import TopicPartition

from models.state.watermarks import Watermarks
from workers.stream.chunk import Chunk
from workers.stream.member import GroupMember, MemberSettings
from workers.stream.reader import Route
from workers.stream.table import Table
from workers.stream.writer import Writer

HEAD = b"C\x01"


class Count:
    """How many records of a key were applied, each once by its offset."""

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.watermarks = Watermarks()

    def marks(self) -> Watermarks:
        return self.watermarks

    def pack(self) -> bytes:
        return (
            HEAD
            + self.count.to_bytes(8, "little")
            + b"".join(p.to_bytes(4, "little") + o.to_bytes(8, "little") for p, o in self.watermarks.items())
        )

    @classmethod
    def unpack(cls, data: bytes) -> "Count":
        row = cls(int.from_bytes(data[2:10], "little"))
        for at in range(10, len(data), 12):
            row.watermarks[int.from_bytes(data[at : at + 4], "little")] = int.from_bytes(
                data[at + 4 : at + 12], "little"
            )
        return row


class CountingWorker:
    """One worker: group member, table and an agent that folds chunk after chunk."""

    def __init__(self, bootstrap: str, topic: str, changelog: str, group: str) -> None:
        options = {"bootstrap_servers": bootstrap}
        self.table = Table(
            changelog, lambda key, packed: Count.unpack(packed), lambda key: Count(), kind=HEAD[:1], version=HEAD[1]
        )
        self.writer = Writer(options, owner=group, patience_s=20)
        self.folded = 0
        self.resumed_at: dict[TopicPartition, int] = {}
        self._chunks: asyncio.Queue[Chunk] = asyncio.Queue()
        self.member = GroupMember(
            options,
            MemberSettings(group, instance_id=None, commit_interval_s=0.05, session_timeout_s=6, patience_s=10),
            routes={topic: Route(self._chunks.put, chunk_records=50, chunks_out=2)},
            tables={topic: self.table},
            writer=self.writer,
            followers=[],
            sides={},
            note_committed=self.resumed_at.update,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["CountingWorker"]:
        await self.writer.start()
        await self.member.start()
        agent = asyncio.create_task(self._agent())
        try:
            yield self
        finally:
            await self.member.stop()
            agent.cancel()
            await self.writer.stop()
            with suppress(asyncio.CancelledError):
                await agent

    def counts(self) -> dict[str, int]:
        return {
            key: row.count
            for rows in self.table.partitions.values()
            for key in rows.keys()  # noqa: SIM118 - not a dict
            if (row := rows.get(key)) is not None
        }

    async def _agent(self) -> None:
        while True:
            chunk = await self._chunks.get()
            if not chunk.begin():
                continue
            rows = self.table.partitions[chunk.tp.partition]
            async with rows.lock:
                for record in chunk.records:
                    row = rows.change((record.key or b"").decode())
                    if row.watermarks.advance((record.partition, record.offset)):
                        row.count += 1
                        self.folded += 1
                await self.writer.send(self.table.changelog, chunk.tp.partition, rows.take_changes())
            chunk.finish()
