"""Folds the log into empty state at full speed: a worker in this process, until nothing is left (Kafka, index).

The catalog comes first: events that find their items' vectors waiting have no share of a taste outstanding.
Other workers of the group may be started once events are folded; what is left is counted for the group.
"""

import asyncio
import logging
import time
from collections.abc import Collection

from workers.errors import DependencyError
from workers.runtime.app import build
from workers.settings import Settings
from workers.stream.backlog import Backlog, open_backlog
from workers.stream.connect import ClientOptions
from workers.stream.faust_app import StreamApp
from workers.stream.security import client_options
from workers.topics import Topics

log = logging.getLogger(__name__)

POLL_EVERY_S = 0.3
SAY_EVERY_S = 2.0
# What was forwarded may be forwarded again, a few times at most; live traffic must not keep us here for ever.
MOST_FORWARDINGS = 10


async def fold_log(settings: Settings, *, events: bool = True) -> None:
    """Fold catalog, then events and what follows from them; returns when the group has committed all of it.

    `events=False` leaves all but the catalog to workers that are started later.

    The end is that of the log at the start of each phase: records that come in meanwhile are folded as well.
    """
    topics = Topics(settings.topic_prefix)
    options: ClientOptions = {**client_options(settings), "client_id": f"{settings.app_id}-rebuild"}
    async with open_backlog(options, settings.app_id) as backlog:
        await _fold(settings, backlog, [topics.item_catalog], only={topics.item_catalog})
        if not events:
            return
        follows = [*[topics.interactions_rerouted] * MOST_FORWARDINGS, topics.item_transitions, topics.item_vectors]
        await _fold(settings, backlog, [topics.item_catalog, topics.user_interactions, *follows], only=None)


async def _fold(settings: Settings, backlog: Backlog, names: Collection[str], only: Collection[str] | None) -> None:
    """Run a worker until the group is done with these topics, each after those before it."""
    partitions = _partition_counts(settings)
    app = build(settings, only=only)
    app.finalize()
    try:
        await app.start()
        for name in names:
            await _until_folded(app, backlog, name, partitions[name])
    finally:
        await app.stop()


async def _until_folded(app: StreamApp, backlog: Backlog, name: str, partitions: int) -> None:
    ends = await backlog.ends(name, partitions)
    started = said = time.monotonic()
    first = left = await backlog.left(ends)
    while left:
        if app.should_stop:
            raise DependencyError(
                f"the worker ended ({app.crash_reason!r}): run the rebuild again"
            ) from app.crash_reason
        await asyncio.sleep(POLL_EVERY_S)
        left = await backlog.left(ends)
        if time.monotonic() > said + SAY_EVERY_S or not left:
            said = time.monotonic()
            log.info("%s: %d of %d folded, %.0f/s", name, first - left, first, (first - left) / (said - started))


def _partition_counts(settings: Settings) -> dict[str, int]:
    specs = Topics(settings.topic_prefix).specs(settings.user_partitions, settings.item_partitions)
    return {spec.name: spec.partitions for spec in specs}
