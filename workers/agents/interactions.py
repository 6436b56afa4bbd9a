"""`user-interactions` → user state, and evidence on `item-transitions`.

A record of a user who belongs elsewhere is forwarded to `interactions-rerouted`, which the same agent reads.
A record that can't be used becomes a dead letter; the others of its chunk go on. A write that is not
acknowledged ends the process: the chunk is repeated, and watermarks make that harmless.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import faust

from models.primitives.text import Vector
from models.state.events import SILENT, Event, event_clock, event_weight
from models.state.merge import Merge
from models.state.user_state import UserState
from workers.agents.people import APPLIED, DUPLICATE, fold_person, fold_sealed
from workers.agents.user_records import Decoded, Effects, RecordsDependencies, decode
from workers.control.learner import Learner
from workers.errors import BadRecordError
from workers.items.eviction import make_room_for_users
from workers.items.items import Items
from workers.metrics import Metrics
from workers.records.interaction import Interaction
from workers.stream.chunk import Chunk
from workers.stream.table import Table, TablePartition
from workers.stream.writer import Writer
from workers.users.arrivals import forwarded
from workers.users.progress import Progress

# One record in so many has its freshness and lateness measured: a histogram costs as much as a fold step.
MEASURED_EVERY = 16

REROUTED, ERASED = "rerouted", "erased"


class InteractionsDependencies(RecordsDependencies, Protocol):
    """What this agent uses of a worker, beside what decoding needs."""

    metrics: Metrics
    progress: Progress
    users: Table[UserState]
    items: Items
    writer: Writer
    learner: Learner | None


async def handle(chunk: Chunk, deps: InteractionsDependencies) -> None:
    """Fold one chunk; returns when all its effects are acknowledged."""
    await make_room_for_users(deps)
    partition = chunk.tp.partition
    effects = Effects()
    batch = await decode(chunk.records, effects, deps)
    rows = deps.users.partitions[partition]
    async with rows.lock:
        if chunk.tp.topic == deps.topics.interactions_rerouted:
            await deps.writer.send(deps.users.changelog, partition, [rows.begin(chunk.next_offset)])
        vectors = deps.items.vectors(touched_items(batch, rows))
        await fold(batch, rows, vectors, effects, deps)
        if chunk.tp.topic == deps.topics.user_interactions:
            deps.progress.advance(partition, chunk.next_offset - 1)
        else:
            deps.progress.wake()
        _measure(batch, deps.metrics)
        await deps.writer.send_all(effects.to_items)
        await deps.writer.send_all(effects.to_users)
        await effects.letters.send(deps.writer, deps.topics.dead_letters, deps.metrics)
        await deps.writer.send(deps.users.changelog, partition, rows.take_changes())
    for (event_type, outcome), count in effects.outcomes.items():
        deps.metrics.count_events(event_type, outcome, count)


async def fold(
    batch: Sequence[Decoded],
    rows: TablePartition[UserState],
    vectors: Mapping[str, Vector],
    effects: Effects,
    deps: InteractionsDependencies,
) -> None:
    """Fold records into their users' rows, in order: what goes on to another partition keeps that order."""
    for decoded in batch:
        _teach(decoded, rows, deps)
        try:
            outcome = _fold_one(decoded, rows, vectors, effects, deps)
        except BadRecordError as error:
            effects.letters.add(decoded.record, error)
        else:
            effects.outcomes[decoded.event_type, outcome] += 1
        await deps.scheduler.rest(decoded.record.topic)


def _fold_one(
    decoded: Decoded,
    rows: TablePartition[UserState],
    vectors: Mapping[str, Vector],
    effects: Effects,
    deps: InteractionsDependencies,
) -> str:
    """The outcome of one record; a redelivered one changes nothing, but its row is written again."""
    if decoded.owner != decoded.record.partition:
        effects.send_on(forwarded(decoded.record, decoded.arrival), decoded.subject, deps)
        return REROUTED
    if rows.evicted.covers(decoded.subject, decoded.arrival.mark):
        return DUPLICATE
    user, event = rows.change(decoded.subject), decoded.event
    if not user.watermarks.advance(decoded.arrival.mark):
        return DUPLICATE
    if not isinstance(event, Merge) and event.event_time <= user.identity.erased_ms:
        return ERASED
    if user.identity.user_id:
        return fold_sealed(decoded, user, effects, deps)
    if not isinstance(event, Interaction):
        outcome = fold_person(decoded, user, vectors, effects, deps)
        _supply(user, vectors)
        return outcome
    _supply(user, vectors)
    if event.event_type in SILENT:
        return APPLIED
    if decoded.replay_of is not None and user.history.holds_origin(decoded.replay_of):
        return DUPLICATE
    evidence = user.learn(_events(event, decoded, deps), vectors)
    for piece in evidence:
        effects.emit_evidence(piece.item_id, piece.pack(), deps)
    return APPLIED if evidence else DUPLICATE


def _teach(decoded: Decoded, rows: TablePartition[UserState], deps: InteractionsDependencies) -> None:
    """What a user chooses judges and teaches the ranker, before it is known here."""
    event, learner = decoded.event, deps.learner
    if (
        learner is None
        or not isinstance(event, Interaction)
        or decoded.owner != decoded.record.partition
        or event.items
    ):
        return
    user, (lane, offset) = rows.get(decoded.subject), decoded.arrival.mark
    if user is None or event.item_id is None or offset <= user.watermarks.get(lane, -1):
        return
    if event_weight(event.event_type, event.value, deps.settings.event_weights) > 0:
        sampled_by = event.event_id or f"{decoded.record.partition}/{decoded.record.offset}"
        learner.choice(user, event.item_id, event.event_time, sampled_by)


def _supply(user: UserState, vectors: Mapping[str, Vector]) -> None:
    for item_id in user.waiting.item_ids():
        if item_id in vectors:
            user.supply_vector(item_id, vectors[item_id])


def attach(app: faust.App, channel: faust.ChannelT[Chunk], deps: InteractionsDependencies) -> None:
    """Run `handle` as a Faust agent over the chunks of `user-interactions`."""

    @app.agent(channel, name="interactions")
    async def interactions(chunks: faust.StreamT[Chunk]) -> None:
        async for chunk in chunks:
            if chunk.begin():
                await handle(chunk, deps)
                chunk.finish()


def _events(interaction: Interaction, decoded: Decoded, deps: InteractionsDependencies) -> list[Event]:
    """One event per item of the record; a list's lines get ids of their own, so that each counts once."""
    items = interaction.item_ids
    weight = event_weight(interaction.event_type, interaction.value, deps.settings.event_weights)
    first = decoded.arrival.first
    return [
        Event(
            user_id=decoded.subject,
            item_id=item_id,
            kind=interaction.event_type,
            weight=weight,
            value=interaction.value,
            time_ms=interaction.event_time,
            origin=decoded.arrival.origin,
            clock=event_clock(first[1], deps.settings.user_partitions),
            event_id=_line_id(interaction.event_id, item_id) if len(items) > 1 else interaction.event_id,
            published=first,
        )
        for item_id in items
    ]


def _line_id(event_id: str | None, item_id: str) -> str | None:
    return None if event_id is None else f"{event_id}/{item_id}"


def touched_items(batch: Sequence[Decoded], rows: TablePartition[UserState]) -> set[str]:
    """Items whose vectors the fold may need: those of the chunk, and those that its users or guests wait for."""
    items: set[str] = set()
    for decoded in batch:
        if isinstance(decoded.event, Interaction):
            items.update(decoded.event.item_ids)
        elif isinstance(decoded.event, Merge):
            guest = decoded.event.guest()
            items.update(guest.history.item_ids, guest.waiting.item_ids())
        user = rows.get(decoded.subject)
        if user is not None:
            items.update(user.waiting.item_ids())
    return items


def _measure(batch: Sequence[Decoded], metrics: Metrics) -> None:
    """From here on answers hold these events."""
    events = [(decoded.record, decoded.event) for decoded in batch if not isinstance(decoded.event, Merge)]
    metrics.future_events.inc(sum(event.time_clamped for _, event in events))
    now_ms = time.time() * 1000
    for record, event in events[::MEASURED_EVERY]:
        published_ms = record.timestamp
        metrics.freshness.observe(max(0.0, now_ms - published_ms) / 1000)
        metrics.lateness.observe(max(0, published_ms - event.event_time) / 1000)
