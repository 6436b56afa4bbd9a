"""`user-interactions` → user state, and evidence on `item-transitions`.

A record of a user who belongs elsewhere is forwarded to `interactions-rerouted`, which the same agent reads.
A record that can't be used becomes a dead letter; the others of its chunk go on. A write that is not
acknowledged ends the process: the chunk is repeated, and watermarks make that harmless.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import faust

from models.events import Event, event_clock, event_weight
from models.user_state import UserState
from workers.agents.letters import Letters
from workers.arrivals import Arrival, arrival_of, forwarded
from workers.errors import BadRecordError
from workers.metrics import Metrics
from workers.origin import origin_of
from workers.partitioning import partition_of
from workers.parts import Parts
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
REROUTED = "rerouted"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A usable record of a user who belongs to its partition; `replay_of`: where a replay was first refused."""

    record: Record
    interaction: Interaction
    arrival: Arrival
    replay_of: tuple[int, int] | None = None


@dataclass(slots=True)
class Effects:
    """What one chunk does to the world outside its rows."""

    records: dict[Target, list[OutRecord]] = field(default_factory=lambda: defaultdict(list))
    letters: Letters = field(default_factory=lambda: Letters("interactions"))
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)


async def handle(chunk: Chunk, parts: Parts) -> None:
    """Fold one chunk; returns when all its effects are acknowledged."""
    partition = chunk.tp.partition
    effects = Effects()
    decoded = await decode(chunk.records, effects, parts)
    rows = parts.users.partitions[partition]
    async with rows.lock:
        vectors = await parts.vectors.of(_touched_items(decoded, rows))
        await fold(decoded, rows, vectors, effects, parts)
        if chunk.tp.topic == parts.topics.user_interactions:
            parts.progress.advance(partition, chunk.next_offset - 1)
        else:
            parts.progress.wake()
        _measure(decoded, parts.metrics)
        await parts.writer.send_all(effects.records)
        await effects.letters.send(parts.writer, parts.topics.dead_letters, parts.metrics)
        await parts.writer.send(parts.users.changelog, partition, rows.take_changes())
    for (event_type, outcome), count in effects.outcomes.items():
        parts.metrics.count_events(event_type, outcome, count)


async def decode(records: Sequence[Record], effects: Effects, parts: Parts) -> list[Decoded]:
    """The usable records of a chunk; others become dead letters, those of foreign users are forwarded."""
    decoded = []
    for record in records:
        try:
            event = decode_interaction(
                record.value,
                record.key,
                record.timestamp,
                parts.settings.future_tolerance_ms,
                record.headers,
                parts.mappings.interaction,
            )
            arrival = arrival_of(record, parts.topics, parts.settings.user_partitions)
        except BadRecordError as error:
            effects.letters.add(record, error)
            continue
        owner = partition_of(event.subject, parts.settings.user_partitions)
        if owner == record.partition:
            decoded.append(_identified(Decoded(record, event, arrival), parts))
        else:
            effects.records[parts.topics.interactions_rerouted, owner].append(forwarded(record))
            effects.outcomes[event.event_type, REROUTED] += 1
        await parts.turns.rest()
    return decoded


async def fold(
    decoded: Sequence[Decoded],
    rows: TablePartition[UserState],
    vectors: Mapping[str, Vector],
    effects: Effects,
    parts: Parts,
) -> None:
    """Fold events into their users' rows; a redelivered one changes nothing, but its row is written again."""
    for event in decoded:
        user = rows.change(event.interaction.subject)
        if event.replay_of is not None and user.history.holds_origin(event.replay_of):
            effects.outcomes[event.interaction.event_type, "duplicate"] += 1
            continue
        for item_id in user.waiting_items():
            if item_id in vectors:
                user.supply_vector(item_id, vectors[item_id])
        partition, offset = event.arrival.first
        is_new = offset > user.watermarks.get(partition, -1)
        evidence = user.fold_record(_events(event, parts.settings.user_partitions), vectors, event.arrival.first)
        for piece in evidence:
            target = (parts.topics.item_transitions, partition_of(piece.item_id, parts.settings.item_partitions))
            effects.records[target].append(OutRecord(piece.item_id.encode(), piece.pack()))
        told = evidence or (is_new and event.interaction.event_type in SILENT)
        effects.outcomes[event.interaction.event_type, "applied" if told else "duplicate"] += 1
        await parts.turns.rest()


def attach(app: faust.App, channel: faust.ChannelT[Chunk], parts: Parts) -> None:
    """Run `handle` as a Faust agent over the chunks of `user-interactions`."""

    @app.agent(channel, name="interactions")
    async def interactions(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            if chunk.begin():
                await handle(chunk, parts)
                chunk.finish()


def _identified(event: Decoded, parts: Parts) -> Decoded:
    """A replayed letter without an event id goes by the place where it was first refused: it counts once.

    It must not count beside the record that was refused either, which a rebuild may find usable.
    """
    origin = origin_of(event.record.headers)
    if origin is None or event.interaction.event_id is not None:
        return event
    place = (origin.partition, origin.offset) if origin.topic == parts.topics.user_interactions else None
    named = event.interaction.model_copy(update={"event_id": origin.event_id})
    return replace(event, interaction=named, replay_of=place)


def _events(event: Decoded, partitions: int) -> list[Event]:
    """One event per item of the record; a list's lines get ids of their own, so that each counts once."""
    interaction = event.interaction
    items = interaction.item_ids
    weight = event_weight(interaction.event_type, interaction.value)
    _, offset = event.arrival.first
    return [
        Event(
            user_id=interaction.subject,
            item_id=item_id,
            kind=interaction.event_type,
            weight=weight,
            value=interaction.value,
            time_ms=interaction.event_time,
            origin=event.arrival.origin,
            clock=event_clock(offset, partitions),
            event_id=_line_id(interaction.event_id, item_id) if len(items) > 1 else interaction.event_id,
        )
        for item_id in items
    ]


def _line_id(event_id: str | None, item_id: str) -> str | None:
    return None if event_id is None else f"{event_id}/{item_id}"


def _touched_items(decoded: Sequence[Decoded], rows: TablePartition[UserState]) -> set[str]:
    """Items whose vectors the fold may need: those of the chunk, and those that its users wait for."""
    items: set[str] = set()
    for event in decoded:
        items.update(event.interaction.item_ids)
        user = rows.get(event.interaction.subject)
        if user is not None:
            items.update(user.waiting_items())
    return items


def _measure(decoded: Sequence[Decoded], metrics: Metrics) -> None:
    """From here on answers hold these events."""
    metrics.future_events.inc(sum(event.interaction.time_clamped for event in decoded))
    now_ms = time.time() * 1000
    for event in decoded[::MEASURED_EVERY]:
        published_ms = event.record.timestamp
        metrics.freshness.observe(max(0.0, now_ms - published_ms) / 1000)
        metrics.lateness.observe(max(0, published_ms - event.interaction.event_time) / 1000)
