"""Proves that rows that are cut at a bound are a function of the log of evidence (starts a worker, touches Kafka)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from infra.broker import Broker
from load.client.publisher import Record
from load.faults.evidence import Replay, judge_evidence, no_vector, packed_rows
from load.faults.logs import last_values, read_all
from load.faults.proof import Proof
from load.faults.prove_service import prove_service
from models.state.control import control_of
from models.state.evidence import Evidence, Retraction, is_retraction
from workers.admin.state.counts_row import rows_of_counts
from workers.admin.state.form import counts_form
from workers.items.following import ItemFollower
from workers.items.items import Items
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream import chunk
from workers.stream.security import client_options
from workers.topics import Topics


async def prove_bound(
    broker: Broker,
    folder: Path,
    catalog: Sequence[Record],
    log: Sequence[Record],
    max_pairs: int,
    least_cuts: int,
) -> list[Proof]:
    """An owner whose rows are cut, who follows it, and a replay: equal bit for bit; and what another order changes."""
    async with prove_service(broker, folder, "bounded", max_pairs=max_pairs) as service:
        async with _follower(service.settings) as follower:
            await service.add_worker()
            await service.publish(catalog, log)
            await service.finish()
            followed = await follower.rows()
        topics = Topics(service.settings.topic_prefix)
        owned = await last_values(broker.bootstrap, topics.item_counts_changelog)
        records = await read_all(broker.bootstrap, topics.item_transitions)
    partitions = service.settings.item_partitions
    replay, other = _replayed(records, partitions), _replayed(in_another_order(records), partitions)
    cuts, verdict = replay.cuts(), judge_evidence(owned, replay)
    lines = (f"{verdict.rows} rows and {verdict.lists} lists differ; {cuts:,} cuts",)
    unlike = sum(owned.get(key) != followed.get(key) for key in owned.keys() | followed.keys())
    moved = _unlike_counts(owned, other.packed())
    return [
        Proof("bounded: owner and replay", len(owned), verdict.clean and cuts >= least_cuts, lines),
        Proof("bounded: owner and follower", len(owned), not unlike, (f"{unlike} rows differ",)),
        Proof("bounded: another interleaving", len(owned), True, (f"{moved:,} rows differ, as documented",)),
    ]


def in_another_order(records: Sequence[chunk.Record]) -> list[chunk.Record]:
    """Evidence after a partition's bound by user partition, one after the other; each keeps its own order."""
    bound_at = {one.partition: one.offset for one in records if control_of(one.value or b"") is not None}
    return sorted(records, key=lambda one: _order(one, bound_at.get(one.partition, -1)))


def _order(record: chunk.Record, bound_at: int) -> tuple[int, int, int]:
    if record.offset <= bound_at:
        return record.partition, -1, record.offset
    return record.partition, _piece(record.value or b"").origin[0], record.offset


def _piece(value: bytes) -> Evidence | Retraction:
    return Retraction.unpack(value) if is_retraction(value) else Evidence.unpack(value)


def _replayed(records: Sequence[chunk.Record], partitions: int) -> Replay:
    replay = Replay(partitions)
    for record in records:
        replay.learn(record)
    return replay


def _unlike_counts(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> int:
    """Rows whose counts differ, wherever they began."""
    ours, theirs = rows_of_counts(first), rows_of_counts(second)
    return sum(counts_form(row).exact != counts_form(theirs[key]).exact for key, row in ours.items())


class _Follower:
    """A follower that owns nothing, in this process."""

    def __init__(self, settings: Settings) -> None:
        topics, scheduler = Topics(settings.topic_prefix), Scheduler()
        self._partitions = set(range(settings.item_partitions))
        self._items = Items(
            topics.item_state_changelog,
            topics.item_counts_changelog,
            1,
            no_vector,
            settings.item_partitions,
            scheduler,
        )
        self.service = ItemFollower(
            self._items,
            client_options(settings),
            topics.item_transitions,
            settings.app_id,
            scheduler,
            on_entry=lambda item_id: None,
            on_partition=lambda: None,
            item_partitions=settings.item_partitions,
            patience_s=settings.patience_s,
        )

    async def rows(self) -> dict[str, bytes]:
        """What it would own if all partitions were its own now."""
        found = await self.service.take_over(self._items.counts, self._partitions)
        return dict(one for rows in found.values() for one in packed_rows(rows))


@asynccontextmanager
async def _follower(settings: Settings) -> AsyncIterator[_Follower]:
    follower = _Follower(settings)
    await follower.service.start()
    try:
        await follower.service.owned()
        yield follower
    finally:
        await follower.service.stop()
