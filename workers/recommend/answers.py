"""From a request that was understood to its reply, for either transport: Kafka or HTTP.

Nothing is computed on a foreign partition, nor for a client that no longer waits.
"""

import time
from dataclasses import replace
from typing import Protocol

from models.state.user_state import UserState
from workers.errors import BadRecordError
from workers.recommend.question import Answering, Question
from workers.records.codes import Reason, RequestFailure
from workers.records.experiment import Assigned
from workers.records.reply import AsOf, Reply
from workers.records.request import MinOffset, Request
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.partitioning import partition_of
from workers.stream.table import Table
from workers.users.progress import Progress

# How long a request waits at most for an event of its own (`min_offset`): an event that never comes must
# not hold up a hand-over, nor the requests behind it.
PATIENCE_S = 5.0


class Experiments(Protocol):
    """What assigns a request to variants."""

    def assigned(self, request: Request) -> Assigned:
        """The variants that the answer is part of, and their settings."""


class AnswerDependencies(Protocol):
    """What it takes to answer a request."""

    settings: Settings
    scheduler: Scheduler
    progress: Progress
    users: Table[UserState]
    pipeline: Answering

    @property
    def experiments(self) -> Experiments: ...


def owner_of(request: Request, deps: AnswerDependencies) -> int | None:
    """Partition of the user's row; None for a request without a subject, which any worker can answer."""
    return partition_of(request.subject, deps.settings.user_partitions) if request.subject else None


def is_foreign(request: Request, deps: AnswerDependencies) -> bool:
    """Whether another worker owns the user's row."""
    owner = owner_of(request, deps)
    return owner is not None and owner not in deps.users.partitions


async def answer(request: Request, recommendation_id: str, deps: AnswerDependencies) -> Reply:
    """The reply; raises `BadRecordError` for what can't be answered, `DependencyError` for a search without an index.

    To be called inside `Scheduler.answering`.
    """
    _check_owner(request, deps)
    if request.min_offset is not None:
        with deps.scheduler.waiting_for_folding():
            await _wait_for_own_event(request, request.min_offset, deps)
        _check_owner(request, deps)
    _check_deadline(request)
    partition = owner_of(request, deps)
    user = None if partition is None else deps.users.partitions[partition].get(request.subject)
    elsewhere = _elsewhere(user, deps)
    assigned = deps.experiments.assigned(request)
    question = Question(request, recommendation_id, user, partition or 0, assigned.settings)
    reply = await deps.pipeline.answer(question)
    return replace(reply, variant=assigned.variant, as_of=_as_clients_know_it(reply.as_of, elsewhere))


def _elsewhere(user: UserState | None, deps: AnswerDependencies) -> tuple[int, int] | None:
    """Newest place, (partition, offset) of `user-interactions`, from which events of the user were forwarded.

    A row's marks begin with these partitions; those after them are places of ours, which say nothing to a client.
    """
    marks = {} if user is None else user.watermarks
    positions = [position for position in marks.items() if position[0] < deps.settings.user_partitions]
    return max(positions, key=lambda position: position[1], default=None)


def _as_clients_know_it(as_of: AsOf | None, elsewhere: tuple[int, int] | None) -> AsOf | None:
    """Where no event of the user came by the own partition, the place where a client published the last of them."""
    if as_of is None or as_of.offset >= 0 or elsewhere is None:
        return as_of
    return AsOf(*elsewhere, as_of.event_time)


def _check_owner(request: Request, deps: AnswerDependencies) -> None:
    if is_foreign(request, deps):
        raise BadRecordError(
            Reason.WRONG_PARTITION,
            f"the state of user {request.subject!r} is with another worker, or moving there: ask again, on Kafka "
            "with the user's id as the key and the murmur2 partitioner",
        )


async def _wait_for_own_event(request: Request, wanted: MinOffset, deps: AnswerDependencies) -> None:
    """Read your writes: the user's row must hold the event at `min_offset`.

    In the user's own partition that is so once the partition is folded so far, whatever became of the record.
    From another one the event comes forwarded: only the row itself knows of it, by the place where it was first.
    """
    own = owner_of(request, deps)

    def holds() -> bool:
        if own is None:
            return deps.progress.offset(wanted.partition) >= wanted.offset
        if own == wanted.partition and deps.progress.offset(own) >= wanted.offset:
            return True
        rows = deps.users.partitions.get(own)
        if rows is None:
            return False
        if rows.evicted.covers(request.subject, (wanted.partition, wanted.offset)):
            return True
        user = rows.get(request.subject)
        return user is not None and user.watermarks.get(wanted.partition, -1) >= wanted.offset

    patience_s = _seconds_left(request)
    if not await deps.progress.wait_until(holds, patience_s):
        raise BadRecordError(
            RequestFailure.DEADLINE_PASSED,
            f"event {wanted.offset} of partition {wanted.partition} not folded within {patience_s:.3g} s: ask again",
        )


def _check_deadline(request: Request) -> None:
    if request.expires_at_ms is not None and time.time() * 1000 > request.expires_at_ms:
        raise BadRecordError(
            RequestFailure.DEADLINE_PASSED,
            f"the deadline of {request.deadline_ms} ms has passed: nothing was computed",
        )


def _seconds_left(request: Request) -> float:
    if request.expires_at_ms is None:
        return PATIENCE_S
    return min(PATIENCE_S, max(0.0, request.expires_at_ms / 1000 - time.time()))
