"""`user-interactions` → user state, and evidence on `item-transitions`.

A record that can't be used becomes a dead letter; the others of its chunk go on. A write that is not
acknowledged ends the process: the chunk is repeated, and watermarks make that harmless.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import faust

from models.events import Event, event_clock, event_weight
from models.user_state import UserState
from workers.agents.letters import Letters
from workers.errors import BadRecordError
from workers.metrics import Metrics
from workers.partitioning import partition_of
from workers.parts import Parts
from workers.records.codes import Reason
from workers.records.interaction import Interaction, decode_interaction
from workers.records.out import OutRecord
from workers.stream.chunk import Chunk, Record
from workers.stream.table import TablePartition
from workers.stream.writer import Target
from workers.vectors import Vector

# One record in so many has its freshness and lateness measured: a histogram costs as much as a fold step.
MEASURED_EVERY = 16


# Events that leave no evidence: they say what was shown or looked for, not what was chosen.
SILENT = frozenset({"impression", "search"})


@dataclass(slots=True)
class Effects:
    """What one chunk does to the world outside its rows."""

    evidence: dict[Target, list[OutRecord]] = field(default_factory=lambda: defaultdict(list))
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)


Decoded = list[tuple[Record, Interaction]]


async def handle(chunk: Chunk, parts: Parts) -> None:
    """Fold one chunk; returns when all its effects are acknowledged."""
    partition = chunk.tp.partition
    letters = Letters("interactions")
    decoded = await decode(chunk.records, letters, parts)
    rows = parts.users.partitions[partition]
    async with rows.lock:
        vectors = await parts.vectors.of(_touched_items(decoded, rows))
        effects = await fold(decoded, rows, vectors, parts)
        parts.progress.advance(partition, chunk.next_offset - 1)
        await parts.writer.send_all(effects.evidence)
        await letters.send(parts.writer, parts.topics.dead_letters, parts.metrics)
        await parts.writer.send(parts.users.changelog, partition, rows.take_changes())
    _measure(decoded, effects, parts.metrics)


async def decode(records: Sequence[Record], letters: Letters, parts: Parts) -> Decoded:
    """The usable records of a chunk; the others are in `letters`."""
    decoded: Decoded = []
    for record in records:
        try:
            event = decode_interaction(record.value, record.key, record.timestamp, parts.settings.future_tolerance_ms)
            _check_partition(event, record, parts.settings.user_partitions)
        except BadRecordError as error:
            letters.add(record, error)
        else:
            decoded.append((record, event))
        await parts.turns.rest()
    return decoded


async def fold(
    decoded: Decoded, rows: TablePartition[UserState], vectors: Mapping[str, Vector], parts: Parts
) -> Effects:
    """Fold events into their users' rows; a redelivered one changes nothing, but its row is written again."""
    effects = Effects()
    for record, interaction in decoded:
        user = rows.change(interaction.subject)
        for item_id in user.waiting_items():
            if item_id in vectors:
                user.supply_vector(item_id, vectors[item_id])
        is_new = record.offset > user.watermarks.get(record.partition, -1)
        evidence = user.fold_record(_events(record, interaction, parts.settings.user_partitions), vectors)
        for piece in evidence:
            target = (parts.topics.item_transitions, partition_of(piece.item_id, parts.settings.item_partitions))
            effects.evidence[target].append(OutRecord(piece.item_id.encode(), piece.pack()))
        told = evidence or (is_new and interaction.event_type in SILENT)
        effects.outcomes[interaction.event_type, "applied" if told else "duplicate"] += 1
        await parts.turns.rest()
    return effects


def attach(app: faust.App, channel: faust.ChannelT[Chunk], parts: Parts) -> None:
    """Run `handle` as a Faust agent over the chunks of `user-interactions`."""

    @app.agent(channel, name="interactions")
    async def interactions(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            await handle(chunk, parts)
            chunk.finish()


def _events(record: Record, interaction: Interaction, partitions: int) -> list[Event]:
    """One event per item of the record; a list's lines get ids of their own, so that each counts once."""
    items = interaction.item_ids
    weight = event_weight(interaction.event_type, interaction.value)
    return [
        Event(
            user_id=interaction.subject,
            item_id=item_id,
            kind=interaction.event_type,
            weight=weight,
            value=interaction.value,
            time_ms=interaction.event_time,
            origin=(record.partition, record.offset),
            clock=event_clock(record.offset, partitions),
            event_id=_line_id(interaction.event_id, item_id) if len(items) > 1 else interaction.event_id,
        )
        for item_id in items
    ]


def _line_id(event_id: str | None, item_id: str) -> str | None:
    return None if event_id is None else f"{event_id}/{item_id}"


def _touched_items(decoded: Decoded, rows: TablePartition[UserState]) -> set[str]:
    """Items whose vectors the fold may need: those of the chunk, and those that its users wait for."""
    items: set[str] = set()
    for _, interaction in decoded:
        items.update(interaction.item_ids)
        user = rows.get(interaction.subject)
        if user is not None:
            items.update(user.waiting_items())
    return items


def _check_partition(interaction: Interaction, record: Record, partitions: int) -> None:
    expected = partition_of(interaction.subject, partitions)
    if record.partition != expected:
        raise BadRecordError(
            Reason.WRONG_PARTITION,
            f"event of user {interaction.subject!r} is in partition {record.partition}, expected {expected}: "
            "use the user's id as the key and the murmur2 partitioner (librdkafka: partitioner=murmur2_random)",
        )


def _measure(decoded: Decoded, effects: Effects, metrics: Metrics) -> None:
    for (event_type, outcome), count in effects.outcomes.items():
        metrics.count_events(event_type, outcome, count)
    now_ms = time.time() * 1000
    for record, interaction in decoded[::MEASURED_EVERY]:
        metrics.freshness.observe(max(0.0, now_ms - record.timestamp) / 1000)
        metrics.lateness.observe(max(0, record.timestamp - interaction.event_time) / 1000)
