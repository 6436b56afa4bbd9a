"""Retraining beside a running worker: published, activated, taken back, killed in between; real Kafka and Edge."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from tests.waiting import until
from tests.worker.process import Worker
from tests.worker.shop import Shop, open_shop, until_committed
from workers.admin.state.changelog import read_state
from workers.admin.vectors.publish import activate, roll_back
from workers.cli.app import app
from workers.errors import ConfigurationError
from workers.settings import Settings, load_settings

TWINS = 6
"""Items in two halves: users like items of one half only, and their titles say nothing."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(broker: str, folder: Path) -> AsyncIterator[Shop]:
    """A client of a worker that serves the lists of a file, if there are any."""
    worker = await Worker(broker, folder, precomputed_file=lists_in(folder)).start()
    try:
        async with open_shop(worker) as client:
            yield client
        assert await worker.stop() == 0, worker.log[-4000:]
    finally:
        worker.kill()


def lists_in(folder: Path) -> Path:
    return folder / "lists" / "similar-items.parquet"


async def fill(shop: Shop) -> None:
    await shop.publish_items(*({"item_id": f"{half}{n}", "title": f"T {n}"} for half in "xy" for n in range(TWINS)))
    events = [
        {"user_id": f"{half}-{user}", "item_id": f"{half}{(user + n) % TWINS}", "event_type": "like"}
        for half in "xy"
        for user in range(TWINS)
        for n in range(4)
    ]
    await shop.publish_events(*events)


def settings_of(shop: Shop) -> Settings:
    return load_settings(**shop.worker.settings)


def version_in(text: str) -> int:
    found = re.search(r"version (\d+)", text)
    assert found, text
    return int(found[1])


async def command(shop: Shop, *arguments: str) -> str:
    """What `tastestream` says, run in a thread of this process: starting one costs more than the command."""
    run = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=shop.worker.environment)
    assert run.exit_code == 0, (run.output, run.exception)
    return run.output


async def retrained(shop: Shop, *options: str) -> int:
    """The version that `tastestream retrain` made."""
    return version_in(await command(shop, "retrain", *options))


async def until_answers(shop: Shop, version: int) -> None:
    async def answers() -> bool:
        made = await shop.worker.value("tastestream_item_vectors_made_timestamp_seconds")
        return round(made * 1000) == version

    await until(answers, deadline_s=10.0)


async def by_vectors(shop: Shop, item_id: str) -> set[str]:
    """Items whose place in "more like this" the learned vectors have a part in."""
    reply = await shop.ask(kind="similar_items", item_ids=[item_id], explain=True, limit=2 * TWINS)
    share = {"liked_by_similar_users": 0.36}
    return {
        item["item_id"]
        for item in reply["items"]
        if any(r["contribution"] > 0 and r["kind"] in share and r["item_id"] == item_id for r in item["reasons"])
    }


async def versions_of_rows(shop: Shop) -> dict[str, dict[str, int | None]]:
    """What each item's row in the changelog has in its slots."""
    state = await read_state(settings_of(shop))
    rows = [(key, rows.peek(key)) for rows in state.items.partitions.values() for key in rows.keys()]  # noqa: SIM118
    return {key: {slot: row.slots.version(slot) for slot in "ab"} for key, row in rows if row is not None}


async def test_a_version_is_learned_activated_replaced_and_taken_back(shop: Shop, folder: Path) -> None:
    await fill(shop)
    with pytest.raises(ConfigurationError, match="nothing was ever activated"):
        await roll_back(settings_of(shop), wait_s=0)
    first = await retrained(shop)
    assert await shop.worker.value("tastestream_item_vectors_made_timestamp_seconds") == 0
    assert (await activate(settings_of(shop), None, wait_s=20)).active == first
    await until_answers(shop, first)
    before = await shop.ask(kind="similar_items", item_ids=["x0"], limit=TWINS - 1)
    assert {item["item_id"][0] for item in before["items"]} == {"x"}

    # The other halves now belong together: what answers says which version it is.
    file = folder / "ratings.csv"
    lines = [f"{user},{half}{n},5,{user * 10 + n}" for user in range(8) for n in range(TWINS) for half in ("x", "y")]
    file.write_text("\n".join(["userId,movieId,rating,timestamp", *lines]))
    second = await retrained(shop, "--ratings", str(file), "--activate")
    await until_answers(shop, second)
    slots = (await versions_of_rows(shop))["x0"]
    assert slots == {"a": first, "b": second}
    mixed = await by_vectors(shop, "x0")
    assert any(item_id.startswith("y") for item_id in mixed)

    assert version_in(await command(shop, "retrain", "--rollback")) == first
    await until_answers(shop, first)
    assert not any(item_id.startswith("y") for item_id in await by_vectors(shop, "x0"))
    listed = await command(shop, "retrain", "list")
    assert re.search(rf"{first}.*answers", listed) and re.search(rf"{second}.*answered before", listed)


async def test_vectors_survive_a_kill_in_the_middle_exactly(shop: Shop) -> None:
    """Published while the worker is being killed and started, every item holds the version, in rows and index."""
    worker: Worker = shop.worker
    retraining = asyncio.ensure_future(retrained(shop))
    started = await versions_of_rows(shop)
    worker.kill()
    third = await retraining
    await worker.start()
    worker.kill()  # rows may be written now, and the index not
    await worker.start()
    await until_committed(worker, shop.topics.item_vectors)
    rows = await versions_of_rows(shop)
    assert {slots["b"] for slots in rows.values()} == {third}
    assert {key: slots["a"] for key, slots in rows.items()} == {key: slots["a"] for key, slots in started.items()}
    await activate(settings_of(shop), third, wait_s=20)
    await until_answers(shop, third)
    assert len(await by_vectors(shop, "y1")) == TWINS - 1


async def test_lists_that_were_computed_before_answer_until_other_vectors_do(shop: Shop, folder: Path) -> None:
    asked = {"kind": "similar_items", "item_ids": ["x0"], "limit": 4}
    computed = await shop.ask(**asked, precomputed=True)
    assert computed["degraded"] == ["precomputed"] and len(computed["items"]) == 4
    assert f"{2 * TWINS} items" in await command(shop, "precompute", str(lists_in(folder).parent))

    async def served_from_a_list() -> bool:
        return "precomputed" in (await shop.ask(**asked, precomputed=True))["took_ms"]

    await until(served_from_a_list, deadline_s=20.0)
    reply = await shop.ask(**asked, precomputed=True, explain=True)
    assert reply["degraded"] == [] and {item["item_id"][0] for item in reply["items"]} == {"x"}
    lines = [orjson.loads(line) for line in lists_in(folder).with_suffix(".jsonl").read_bytes().splitlines()]
    [line] = [line for line in lines if line["item_id"] == "x0"]
    assert [item["item_id"] for item in reply["items"]] == [near["item_id"] for near in line["similar"][:4]]
    assert all(item["score"] == item["reasons"][0]["contribution"] and item["title"] for item in reply["items"])

    first = reply["items"][0]["item_id"]
    for blocked in (orjson.dumps({"blocks": [{"item_ids": [first]}]}), None):
        await shop.send(shop.topics.recommendation_rules, blocked, b"shelf", partition=0)

        async def ruled(rules: bytes | None = blocked) -> bool:
            found = await shop.ask(**asked, precomputed=True, scenario="shelf")
            shown = first in [item["item_id"] for item in found["items"]]
            return (found["degraded"], shown) == ((["precomputed"], False) if rules else ([], True))

        await until(ruled, deadline_s=10.0)

    await roll_back(settings_of(shop), wait_s=20)

    async def outdated() -> bool:
        return "precomputed" in (await shop.ask(**asked, precomputed=True))["degraded"]

    await until(outdated, deadline_s=10.0)
