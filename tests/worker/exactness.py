"""Compares what a worker left behind with what must have come out of the log (Kafka, index folder)."""

import math
from collections.abc import Mapping
from pathlib import Path

from load.faults.independent_fold import DAY_MS, HALF_LIVES, Expected, key_of, popularity
from load.faults.logs import last_values
from models.state.user_state import UserState
from tests.waiting import until
from tests.worker.group_progress import group_progress
from tests.worker.process import Worker
from tests.worker.shop import read_all
from workers.admin.state.counts_row import CountsRow, rows_of_counts
from workers.index.edge import EdgeIndex
from workers.index.move import stored_ids
from workers.index.port import Index
from workers.items.points import REVISION, ItemPoints, revision_of
from workers.items.rows import ItemRow

DIM = 256


async def until_all_committed(worker: Worker, deadline_s: float = 60.0) -> None:
    """Every input topic is committed to exactly the end of each partition that has records."""
    topics = worker.topics
    names = (topics.item_catalog, topics.user_interactions, topics.interactions_rerouted, topics.item_transitions)
    async with group_progress(worker, names) as at_the_end:
        await until(at_the_end, deadline_s=deadline_s)


async def entries_of(worker: Worker) -> dict[str, ItemRow]:
    """Entries of all items, as their changelog has them."""
    packed = await last_values(worker.bootstrap, worker.topics.item_state_changelog)
    return {item_id: ItemRow.unpack(value) for item_id, value in packed.items()}


async def counts_of(worker: Worker) -> dict[str, CountsRow]:
    """Counts of all items, as their changelog has them."""
    return rows_of_counts(await last_values(worker.bootstrap, worker.topics.item_counts_changelog))


async def check_state(worker: Worker, events: int) -> dict[str, ItemRow]:
    """Assert that users and counts are what the log says, each of its `events` once; the rows of entries."""
    topics, partitions = worker.topics, int(str(worker.settings["user_partitions"]))
    log = await read_all(worker.bootstrap, topics.user_interactions)
    assert len(log) == events
    expected = Expected(partitions)
    for record in log:
        expected.learn(record)
    users = await last_values(worker.bootstrap, topics.user_state_changelog)
    _check_users({key: UserState.unpack(value) for key, value in users.items()}, expected)
    _check_counts(await counts_of(worker), expected, partitions)
    return await entries_of(worker)


def _check_users(users: dict[str, UserState], expected: Expected) -> None:
    assert users.keys() == expected.users.keys()
    for user_id, wanted in expected.users.items():
        found = users[user_id]
        history = list(zip(found.history.times_ms, found.history.offsets, found.history.item_ids, strict=True))
        lost = [kept[:3] for kept in wanted.history if kept[:3] not in history]
        assert not lost, (user_id, found.watermarks, lost)
        assert history == [kept[:3] for kept in wanted.history], user_id
        assert list(found.watermarks.values()) == [wanted.watermark], user_id
        assert (found.identity.user_id, found.identity.erased_ms) == (wanted.became, wanted.erased_ms), user_id
        assert set(found.seen_keys().tolist()) == set(map(key_of, wanted.seen)), user_id


def _check_counts(rows: Mapping[str, CountsRow], expected: Expected, partitions: int) -> None:
    assert rows.keys() == expected.items.keys()
    for item_id, wanted in expected.items.items():
        row, use = rows[item_id], rows[item_id].use
        for name in ("transitions", "cooccurrence", "bought"):
            assert getattr(row, name)() == +wanted.rows[name], (item_id, name)
        for name in ("count", "likes", "buyers", "ratings", "stars"):
            assert getattr(use, name) == wanted.sums[name], (item_id, name)
        direct = {partition: offset for partition, offset in use.watermarks.items() if partition < partitions}
        assert direct == wanted.watermarks, item_id
        scores = [popularity(wanted.clocks, half_life) for half_life in HALF_LIVES]
        for score, expected_score in zip(use.popularity_scores(), scores, strict=True):
            assert math.isclose(score, expected_score, rel_tol=1e-9), item_id
        assert math.isclose(use.day_score(), popularity(wanted.times, DAY_MS), rel_tol=1e-9), item_id


async def check_index(folder: Path, entries: Mapping[str, ItemRow]) -> None:
    """Assert that the index in `folder`, which no process has open, shows every catalog item as its row is."""
    index = EdgeIndex(folder)
    await index.ensure(ItemPoints(DIM).schema)
    try:
        await check_shown(index, entries)
    finally:
        await index.close()


async def check_shown(index: Index, entries: Mapping[str, ItemRow]) -> None:
    """Assert that the open index shows every catalog item as its row is, and no other item."""
    stored = [item_id async for page in stored_ids(index) for item_id in page]
    shown = await index.payloads(stored, (REVISION,))
    expected = {item_id: revision_of(row) for item_id, row in entries.items() if row.catalog is not None}
    assert {item_id: payload[REVISION] for item_id, payload in shown.items()} == expected
