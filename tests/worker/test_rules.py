"""Rules on their topic: in force at once in every worker; refused ones change nothing, and people see them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from tests.query.builders import request
from tests.waiting import until
from tests.worker.shop import read_all
from workers.cli.app import app
from workers.control.shared_rules import SharedRules
from workers.dead_letters.refused import RefusedLetters
from workers.errors import ConfigurationError
from workers.metrics import Metrics
from workers.recommend.controls import Controls, RuleBook
from workers.records.out import OutRecord
from workers.stream.compacted import CompactedTopicFollower
from workers.stream.topic_admin import ensure_topics
from workers.stream.writer import Writer
from workers.topics import Topics

HOME = {"diversity": 0.25}


@asynccontextmanager
async def following(
    broker: str, prefix: str, *, writes_letters: bool = True
) -> AsyncIterator[tuple[RuleBook, Writer, Metrics]]:
    """A worker's part that follows the rules, started."""
    topics, options = Topics(prefix), {"bootstrap_servers": broker}
    wanted = {topics.recommendation_rules, topics.dead_letters}
    specs = [spec for spec in topics.specs(1, 1) if spec.name in wanted]
    await ensure_topics(options, specs, replication_factor=1)
    metrics, book = Metrics(CollectorRegistry()), RuleBook(Controls())
    writer = Writer(options, owner=prefix, patience_s=10.0)
    group_id = f"{prefix}rules"
    letters = RefusedLetters("rules", writer, metrics, topics.dead_letters, lambda: writes_letters, group_id=group_id)
    shared = CompactedTopicFollower(
        SharedRules(book, metrics), options, topics.recommendation_rules, metrics, patience_s=10.0, letters=letters
    )
    await writer.start()
    await shared.start()
    try:
        yield book, writer, metrics
    finally:
        await shared.stop()
        await writer.stop()


async def send(writer: Writer, prefix: str, *records: tuple[bytes | None, bytes | None]) -> None:
    await writer.send(f"{prefix}recommendation-rules", 0, [OutRecord(key, value) for key, value in records])


def diversity(book: RuleBook) -> float:
    return book.of(request(scenario="home")).diversity


async def test_rules_are_in_force_without_a_restart_and_from_the_start_of_another_worker(broker: str) -> None:
    async with following(broker, "follow.") as (book, writer, _):
        await send(writer, "follow.", (b"home", orjson.dumps(HOME)))
        await until(lambda: diversity(book) == 0.25)
        async with following(broker, "follow.") as (other, _, _):
            assert diversity(other) == 0.25
        await send(writer, "follow.", (b"home", None))
        await until(lambda: diversity(book) == 0.0)


async def test_refused_rules_leave_the_last_good_ones_a_metric_and_one_letter(broker: str) -> None:
    bad = ((b"home", b'{"diversity": 7}'), (b"home", b"\xff"), (b"\xff", b"{}"))
    async with following(broker, "bad.", writes_letters=False), following(broker, "bad.") as (book, writer, metrics):
        await send(writer, "bad.", (b"home", orjson.dumps(HOME)), *bad, (b"other", b'{"explore": 1}'))
        await until(lambda: len(book) == 2)
        assert diversity(book) == 0.25
        assert (
            metrics.registry.get_sample_value("tastestream_rules_refused") == 2.0
        )  # of home, and of a name that is none
        letters = Letters(broker)
        await until(letters.are_three)
        await send(writer, "bad.", (b"home", b"{}"))
        await until(lambda: metrics.registry.get_sample_value("tastestream_rules_refused") == 1.0)
    async with following(broker, "bad.") as (_, writer, metrics):
        assert metrics.registry.get_sample_value("tastestream_rules_refused") == 1.0
        await send(writer, "bad.", (b"last", b"[]"))
        await until(letters.are_four)
    values = [letter.value for letter in await read_all(broker, "bad.dead-letters")]
    assert values == [*(value for _, value in bad), b"[]"]


class Letters:
    """How many dead letters there are."""

    def __init__(self, broker: str) -> None:
        self._broker = broker

    async def are_three(self) -> bool:
        return len(await read_all(self._broker, "bad.dead-letters")) == 3

    async def are_four(self) -> bool:
        return len(await read_all(self._broker, "bad.dead-letters")) == 4


async def run(*command: str) -> str:
    """What a command printed; raises what it raised."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["rules", *command])
    if result.exception is not None:
        raise result.exception
    return result.output


async def test_a_person_checks_puts_shows_and_removes_rules(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASTESTREAM_BOOTSTRAP_SERVERS", broker)
    monkeypatch.setenv("TASTESTREAM_TOPIC_PREFIX", "desk.")
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"note": "calm", "caps": {"*": 2}}')
    bad.write_text('{"caps": {"*": 0}}')
    async with following(broker, "desk.") as (book, writer, _):
        assert "no scenario has rules" in await run("show")
        assert 'caps {"*":2}' in await run("check", str(good))
        with pytest.raises(ConfigurationError, match=r"bad.json.*'home'.*caps"):
            await run("put", str(bad), "--scenario", "home")
        await run("put", str(good), "--scenario", "home")
        await until(lambda: book.of(request(scenario="home")).caps == {"*": 2})
        await send(writer, "desk.", (b"home", b"{"))
        table = await run("show")
        assert all(text in table for text in ("home", "calm", 'caps {"*":2}', "not JSON"))
        await run("remove", "--scenario", "home")
        await until(lambda: not len(book))
        assert "no scenario has rules" in await run("show")


async def test_a_file_that_is_not_there_is_a_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        await run("check", str(tmp_path / "nowhere.json"))
