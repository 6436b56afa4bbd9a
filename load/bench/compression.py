"""What each codec saves and costs on what a worker writes: rows for its changelogs, evidence on items.

MovieLens through the worker's own agents on a broker of its own; every batch that they write is kept, then packed
and unpacked again with each codec. `python -m load.bench.compression` prints the table, `--quick` measures a little.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from rich.console import Console
from rich.table import Table

from infra.broker import Broker
from load.bench.agent_speed import fold_catalog, fold_interactions, fold_transitions, running_deps
from load.client.replay import replay
from load.datasets.dataset import Dataset, find_data
from workers.records.codecs import CODECS, Codec
from workers.records.out import OutRecord
from workers.runtime.run import prepare_topics
from workers.settings import load_settings
from workers.stream.writer import Target, Writer, fields_of
from workers.topics import Topics

QUICK_RATINGS = 2_000
UNBOUNDED = 1 << 30  # bytes of a batch: each is packed as one
SHOWN: tuple[Codec, ...] = ("none", "lz4", "zstd", "snappy", "gzip")
Batches = Mapping[str, list[list[OutRecord]]]


@dataclass(frozen=True, slots=True)
class Cost:
    """One codec on the batches of one topic, a record: bytes, and microseconds of CPU to pack and to unpack."""

    topic: str
    codec: Codec
    records: int
    size_bytes: float
    pack_us: float
    unpack_us: float


class Keeping(Writer):
    """A writer that keeps what it was given, and has another one send it."""

    def __init__(self, inner: Writer) -> None:
        super().__init__({}, owner="", patience_s=0)
        self.batches: dict[str, list[list[OutRecord]]] = defaultdict(list)
        self._inner = inner

    async def send_all(self, batches: Mapping[Target, Iterable[OutRecord]]) -> None:
        """Keep, then write."""
        kept = {target: list(records) for target, records in batches.items()}
        for (topic, _), records in kept.items():
            self.batches[topic].append(records)
        await self._inner.send_all(kept)


async def written_by_agents(dataset: Dataset) -> Batches:
    """All batches that the agents write for catalog and ratings, by topic without its prefix."""
    with Broker() as broker, TemporaryDirectory(prefix="tastestream-bench-") as folder:
        settings = load_settings(
            bootstrap_servers=broker.bootstrap, security_protocol="PLAINTEXT", data_path=Path(folder), topic_prefix=""
        )
        await prepare_topics(settings)
        topics = Topics("")
        await replay(
            replace(dataset, profiles=[]),
            bootstrap=broker.bootstrap,
            catalog_topic=topics.item_catalog,
            interactions_topic=topics.user_interactions,
        )
        async with running_deps(settings) as deps:
            keeping = Keeping(deps.writer)
            kept = replace(deps, writer=keeping)
            for fold in (fold_catalog, fold_interactions, fold_transitions):
                await fold(kept)
        changelogs = (topics.user_state_changelog, topics.item_state_changelog, topics.item_counts_changelog)
        names = (*changelogs, topics.item_transitions)
        return {name: keeping.batches[name] for name in names}


def cost_of(topic: str, codec: Codec, batches: list[list[OutRecord]]) -> Cost:
    """Pack every batch of a topic with `codec`, and read it back."""
    began = time.process_time()
    packed = [_packed(records, codec) for records in batches if records]
    done = time.process_time()
    records = sum(_read(bytes(one)) for one in packed)
    read = time.process_time()
    size = sum(map(len, packed))
    return Cost(topic, codec, records, size / records, 1e6 * (done - began) / records, 1e6 * (read - done) / records)


def _packed(records: Iterable[OutRecord], codec: Codec) -> Any:
    batch = BatchBuilder(UNBOUNDED, CODECS[codec])
    for record in records:
        batch.append(**fields_of(record))
    return batch._build()


def _read(packed: bytes) -> int:
    records, count = MemoryRecords(packed), 0
    while records.has_next():
        count += sum(1 for _ in records.next_batch())
    return count


def cost_table(title: str, costs: Iterable[Cost]) -> Table:
    """One line a topic and codec."""
    table = Table(title=title)
    for column in ("topic", "codec", "records", "bytes a record", "of none", "pack, µs", "unpack, µs"):
        table.add_column(column, justify="left" if column in ("topic", "codec") else "right")
    plain: dict[str, float] = {}
    for one in costs:
        plain.setdefault(one.topic, one.size_bytes)
        share = f"{one.size_bytes / plain[one.topic]:.0%}"
        times = (f"{one.pack_us:.2f}", f"{one.unpack_us:.2f}")
        table.add_row(one.topic, one.codec, f"{one.records:,}", f"{one.size_bytes:,.0f}", share, *times)
    return table


def main(
    data: Annotated[Path | None, typer.Option(help="MovieLens folder; default: as `make demo`")] = None,
    quick: Annotated[bool, typer.Option(help="little of everything, to see that it works")] = False,
) -> None:
    """Measure and print the table."""
    console = Console(width=120)
    dataset = find_data(data, console=console)
    if quick:
        dataset = replace(dataset, ratings=dataset.ratings[:QUICK_RATINGS])
    batches = asyncio.run(written_by_agents(dataset))
    costs = [cost_of(topic, codec, batches[topic]) for topic in batches for codec in SHOWN]
    console.print(cost_table(f"{dataset.name} ({dataset.origin})", costs))


if __name__ == "__main__":
    typer.run(main)
