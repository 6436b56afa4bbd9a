"""Ten thousand hostile records on everything that a worker reads: it lives, starts again, and so do the commands."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from load.bench.hostile import hostile_events, nested
from load.bench.hostile_guidance import EXPERIMENT, SCENARIO, corpora, good_guidance
from load.bench.hostile_run import HostileRun, Mixer, Shares, hostile_run
from load.client.kafka import bulk_producer
from load.client.scrape import Scrape
from load.client.worker_process import WorkerProcess
from tests.waiting import until
from tests.worker.process import Worker
from tests.worker.shop import read_all
from workers.cli.app import app
from workers.runtime.run import prepare_topics
from workers.settings import load_settings
from workers.topics import Topics

TOTAL = 10_000
BESIDE = 300
"""On each of two topics that only commands read."""
SHARES = Shares.of(TOTAL - 2 * BESIDE, users=20)
SEED = 20_261_130
DEEP = b'{"name":"deep","variants":' + nested(900, b'{"a":', b"}") + b"}"

pytestmark = pytest.mark.timeout(400)


@dataclass
class Storm:
    """What came of it: in a worker that lived through it, and in the one that started after it."""

    topics: Topics
    environment: dict[str, str]
    run: HostileRun
    before: Scrape
    worker: WorkerProcess
    restarted: Scrape
    letters: int
    home: Path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def storm(broker: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Storm]:
    folder = tmp_path_factory.mktemp("storm")
    named = Worker(broker, folder)
    settings = load_settings(**named.settings)  # type: ignore[arg-type]
    topics = named.topics
    await prepare_topics(settings)
    with WorkerProcess(settings, folder / "first.log") as worker:
        run = await hostile_run(worker, SHARES, SEED, lambda _: None)
        async with bulk_producer(broker) as producer:
            mixer = Mixer(producer, settings.user_partitions, (*corpora(topics), topics.dead_letters_replayed))
            for topic in (topics.recommendations_served, topics.dead_letters_replayed):
                await mixer.send(topic, hostile_events(BESIDE, SEED))
        before = worker.scrape()
    with WorkerProcess(settings, folder / "second.log") as worker:
        restarted = worker.scrape()
        letters = len(await read_all(broker, topics.dead_letters))
        yield Storm(topics, named.environment, run, before, worker, restarted, letters, folder)
        worker.check()


def test_every_hostile_record_is_a_letter_or_counted_and_good_ones_take_effect(storm: Storm) -> None:
    run = storm.run
    assert run.hostile + 2 * BESIDE == TOTAL
    assert run.refused + run.ignored == run.hostile - SHARES.requests - run.to_skip
    assert (run.skipped, run.guided) == (run.to_skip, 3)
    assert (run.applied, run.items_known) == (run.good_events, run.good_items)
    assert run.replies == run.requests


@pytest.mark.parametrize("name", ["recommendation-rules", "experiments", "ranker-weights", "item-vectors-versions"])
def test_a_restart_skips_the_same_again_and_goes_by_the_same_good_ones(storm: Storm, name: str) -> None:
    topic = storm.topics.prefix + name
    for metric in ("tastestream_guidance_skipped_total", "tastestream_guidance_refused"):
        assert storm.restarted.by_label(metric, "topic")[topic] > 0
    reasons = storm.restarted.total("tastestream_guidance_skipped_total", topic=topic)
    assert reasons == SHARES.guidance
    assert storm.restarted.total("tastestream_rules_scenarios") == 1
    assert storm.restarted.total("tastestream_experiments", state="running") == 1
    assert storm.restarted.total("tastestream_item_vectors_made_timestamp_seconds") > 0


def test_a_restart_writes_no_letter_again(storm: Storm) -> None:
    written = sum(storm.before.by_label("tastestream_dead_letters_total", "topic").values())
    assert storm.letters == written


async def run(storm: Storm, monkeypatch: pytest.MonkeyPatch, *command: str) -> str:
    """What a command printed; it must not fail."""
    for name, value in storm.environment.items():
        monkeypatch.setenv(name, value)
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exit_code == 0, (command, result.output[-2000:], repr(result.exception))
    return result.output


async def test_every_command_that_reads_them_works_and_shows_what_is_skipped(
    storm: Storm, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows = {("rules", "show"): SCENARIO, ("experiment", "show"): EXPERIMENT}
    shows |= {("ranker", "show"): " learned, the last one", ("retrain", "list"): "answers"}
    for command, good in shows.items():
        said = await run(storm, monkeypatch, *command)
        assert good in said and "skipped: " in said and "more" in said, command
    assert "invalid_json" in await run(storm, monkeypatch, "dlq", "list")
    assert EXPERIMENT in await run(storm, monkeypatch, "experiment", "report")
    assert "users:" in await run(storm, monkeypatch, "state", "digest")
    await run(storm, monkeypatch, "state", "show", "user-1")
    deep = next(
        letter
        for letter in await read_all(storm.environment["TASTESTREAM_BOOTSTRAP_SERVERS"], storm.topics.dead_letters)
        if letter.value is not None and letter.value.startswith(b'{"name":"known","variants":{"a":{"a":')
    )
    assert '{"a":{"a":' in await run(storm, monkeypatch, "dlq", "show", f"0:{deep.offset}")


async def test_a_good_record_or_a_null_heals_its_key_and_the_commands_publish_both(
    storm: Storm, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics, bootstrap = storm.topics, storm.environment["TASTESTREAM_BOOTSTRAP_SERVERS"]

    async def refused(topic: str) -> float:
        return (await asyncio.to_thread(storm.worker.scrape)).total("tastestream_guidance_refused", topic=topic)

    async with bulk_producer(bootstrap) as producer:
        for topic in corpora(topics):
            before = await refused(topic)
            await producer.send_and_wait(topic, DEEP, key=b"deep", partition=0)
            await until(lambda topic=topic, above=before: _is(refused(topic), above + 1))  # type: ignore[misc]
            await producer.send_and_wait(topic, None, key=b"deep", partition=0)
            await until(lambda topic=topic, back=before: _is(refused(topic), back))  # type: ignore[misc]
            [*_, good] = good_guidance(topics)[topic]
            await producer.send_and_wait(topic, DEEP, key=good.key, partition=0)
            await until(lambda topic=topic, above=before: _is(refused(topic), above + 1))  # type: ignore[misc]
            await producer.send_and_wait(topic, good.value, key=good.key, partition=0)
            await until(lambda topic=topic, back=before: _is(refused(topic), back))  # type: ignore[misc]
    file = storm.home / "rules.json"
    file.write_bytes(orjson.dumps({"diversity": 0.1}))
    assert "diversity 0.1" in await run(storm, monkeypatch, "rules", "put", str(file), "--scenario", "default")
    assert "ended" in await run(storm, monkeypatch, "experiment", "end", EXPERIMENT)
    await until(lambda: _is(_running(storm), 0.0))


async def _is(found: object, wanted: float) -> bool:
    return bool(await found == wanted)  # type: ignore[misc]


async def _running(storm: Storm) -> float:
    return (await asyncio.to_thread(storm.worker.scrape)).total("tastestream_experiments", state="running")
