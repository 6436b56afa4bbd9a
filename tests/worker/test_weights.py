"""What the ranker learns goes from worker to worker over a compacted topic, and outlives them."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from rich.console import Console
from typer.testing import CliRunner

from models.ranking.fusion import Situation
from models.ranking.ranker import OnlineRanker
from models.ranking.ranker_weights import SOURCES, RankerWeights
from tests.waiting import until, until_passes
from tests.workers.test_dead_letters import Received
from workers.admin.ranker import weights_tables
from workers.cli.app import app
from workers.control.shared_weights import MOST_HEARD, HeardWeights, SharedWeights
from workers.metrics import Metrics
from workers.records.out import OutRecord
from workers.stream.compacted import CompactedTopicFollower
from workers.stream.topic_admin import ensure_topics
from workers.stream.writer import Writer
from workers.topics import Topics

HERE = Situation(history_length=5, gap_ms=1_000)
SCORES = {"transitions": np.array([1.0, 0.0]), "taste": np.array([0.0, 1.0])}


def learn(ranker: OnlineRanker, times: int) -> None:
    now_ms = int(time.time() * 1000)
    for _ in range(times):
        assert ranker.learn(SCORES, HERE, chosen=1, now_ms=now_ms)


@asynccontextmanager
async def sharing(broker: str, prefix: str, ranker: OnlineRanker, name: str) -> AsyncIterator[Writer]:
    """A worker's part of the exchange, started."""
    writer = Writer({"bootstrap_servers": broker}, owner=f"{prefix}{name}", patience_s=10.0)
    heard, topic, metrics = HeardWeights(), Topics(prefix).ranker_weights, Metrics(CollectorRegistry())
    follower = CompactedTopicFollower(heard, {"bootstrap_servers": broker}, topic, metrics, patience_s=10.0)
    shared = SharedWeights(ranker, heard, writer, metrics, topic=topic, worker_id=name, interval_s=0.1)
    await writer.start()
    await follower.start()
    await shared.start()
    try:
        yield writer
    finally:
        await shared.stop()
        await follower.stop()
        await writer.stop()


async def _topic(broker: str, prefix: str) -> None:
    specs = [spec for spec in Topics(prefix).specs(1, 1) if spec.name == Topics(prefix).ranker_weights]
    await ensure_topics({"bootstrap_servers": broker}, specs, replication_factor=1)


async def test_what_one_worker_learns_another_ranks_by_and_a_new_one_starts_with(broker: str) -> None:
    await _topic(broker, "shared-")
    teacher, other = OnlineRanker(), OnlineRanker()
    async with sharing(broker, "shared-", teacher, "a"), sharing(broker, "shared-", other, "b"):
        learn(teacher, 200)
        await until(lambda: bool(other.fuse(SCORES, HERE).scores.argmax() == 1), deadline_s=10.0)
    new = OnlineRanker()
    async with sharing(broker, "shared-", new, "c"):
        assert new.fuse(SCORES, HERE).scores.argmax() == 1


async def test_three_workers_that_learn_side_by_side_come_to_rank_by_the_same_weights(broker: str) -> None:
    await _topic(broker, "three-")
    rankers = [OnlineRanker() for _ in range(3)]
    async with AsyncExitStack() as workers:
        for name, ranker in zip("abc", rankers, strict=True):
            await workers.enter_async_context(sharing(broker, "three-", ranker, name))
        for times, ranker in zip((50, 100, 150), rankers, strict=True):
            learn(ranker, times)

        async def agree() -> None:
            first, *others = (ranker.fuse(SCORES, HERE).scores for ranker in rankers)
            assert first.argmax() == 1
            for scores in others:
                np.testing.assert_allclose(scores, first, rtol=0.0, atol=1e-3)  # of a logit: one score is near 0

        await until_passes(agree, deadline_s=30.0)


async def test_malformed_weights_are_left_out(broker: str) -> None:
    await _topic(broker, "alien-")
    mine = OnlineRanker()
    async with sharing(broker, "alien-", mine, "a") as writer:
        await writer.send(
            "alien-ranker-weights", 0, [OutRecord(b"x", b"{}"), OutRecord(b"y", b"\xff"), OutRecord(b"z", None)]
        )
        teacher = OnlineRanker()
        learn(teacher, 200)
        await writer.send("alien-ranker-weights", 0, [OutRecord(b"t", teacher.weights.pack())])
        await until(lambda: bool(mine.fuse(SCORES, HERE).scores.argmax() == 1), deadline_s=10.0)


def test_of_more_workers_than_are_remembered_those_who_published_last_stay() -> None:
    heard, extra = HeardWeights(), 10
    names = [f"w{n}" for n in range(MOST_HEARD + extra)]
    for n, name in enumerate(names):
        packed = replace(RankerWeights(), examples=1, time_ms=n).pack()
        heard.apply(Received(key=name.encode(), value=packed))
    assert list(heard.by_worker) == names[extra:]


def shown(weights: RankerWeights, width: int = 80) -> str:
    console = Console(width=width, force_terminal=True)
    with console.capture() as captured:
        console.print(weights_tables(weights))
    return captured.get()


def test_the_tables_mark_what_was_learned() -> None:
    ranker = OnlineRanker()
    learn(ranker, 200)
    assert "\x1b[1m+" in shown(ranker.weights) and "\x1b[1m+" not in shown(RankerWeights())


def test_the_tables_fit_80_columns_without_cutting_a_name_or_a_figure() -> None:
    loud = RankerWeights(values=np.full_like(RankerWeights().values, -12.34))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown(loud))
    assert all(name in plain for name in SOURCES) and "…│" not in plain and "… ┃" not in plain
    assert all(name in plain for name in ("always", "< 30 days", "≤ 199 events", "more"))
    assert plain == re.sub(r"\x1b\[[0-9;]*m", "", shown(loud, width=200))


async def test_show_says_when_nothing_was_learned(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await _topic(broker, "empty-")
    monkeypatch.setenv("TASTESTREAM_BOOTSTRAP_SERVERS", broker)
    monkeypatch.setenv("TASTESTREAM_TOPIC_PREFIX", "empty-")
    result = await asyncio.to_thread(CliRunner().invoke, app, ["ranker", "show"])
    assert result.exit_code != 0 and "nothing was learned yet" in str(result.exception)
