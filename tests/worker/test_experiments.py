"""An experiment from its definition to its report, on real topics, with a worker that is never restarted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from models.evaluation.experiment import assign
from tests.experiments.builders import definition
from tests.waiting import until
from tests.worker.builders import event, item
from tests.worker.shop import Shop
from tests.worker.tool import tastestream
from workers.dead_letters.writer import REASON_HEADER

USERS = [f"u{n}" for n in range(24)]
TRIAL = definition(
    "home-list",
    {"name": "as-now", "weight": 1},
    {"name": "varied", "weight": 1, "settings": {"diversity": 0.5}},
    {"name": "fixed", "shadow": True, "settings": {"ranker": "fixed"}},
    kinds=["for_user"],
)


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def trial(shop: Shop, folder: Path) -> AsyncIterator[None]:
    """A catalog, a bit of history for all users, and an experiment that was put by the command."""
    file = folder / "trial.json"
    file.write_bytes(orjson.dumps(TRIAL))
    ran = await tastestream(shop.worker, "experiment", "put", str(file))
    assert ran.code == 0 and "home-list runs: home-list/as-now, home-list/varied, home-list/fixed" in ran.text
    await shop.publish_items(*(item(f"i{n}") for n in range(20)))
    await shop.publish_events(*(event(user, f"i{n % 20}") for n, user in enumerate(USERS)))
    await until(lambda: _in_experiment(shop, True))
    yield


async def _in_experiment(shop: Shop, wanted: bool) -> bool:
    return ((await shop.ask(user_id="u0"))["variant"] != "default") == wanted


def expected(user: str) -> str:
    return f"home-list/{('as-now', 'varied')[assign(user, 'home-list', (1, 1))]}"


async def test_replies_and_served_lines_carry_the_variant_that_the_hash_gives(shop: Shop) -> None:
    replies = dict(zip(USERS, await asyncio.gather(*(shop.ask(user_id=user) for user in USERS)), strict=True))
    assert {user: reply["variant"] for user, reply in replies.items()} == {user: expected(user) for user in USERS}
    for user, line in zip(replies, await shop.served(*replies.values()), strict=True):
        assert (line["user_id"], line["variant"]) == (user, expected(user))


async def test_over_http_it_is_the_same_variant_and_the_line_lies_beside_the_user_s_events(shop: Shop) -> None:
    _, body = await shop.worker.post("/v1/recommendations", orjson.dumps({"user_id": "u7"}))
    reply = orjson.loads(body)
    assert reply["variant"] == expected("u7")

    async def noted() -> bool:
        records = await shop.read(shop.topics.recommendations_served)
        [*found] = [one.key for one in records if reply["recommendation_id"].encode() in (one.value or b"")]
        return found == [b"u7"]

    await until(noted)


async def test_other_kinds_and_requests_without_a_subject_are_answered_as_deployed(shop: Shop) -> None:
    replies = [
        await shop.ask(kind="trending"),
        await shop.ask(kind="similar_items", item_ids=["i1"]),
        await shop.ask(kind="trending", user_id="u1"),
    ]
    assert [reply["variant"] for reply in replies] == ["default"] * 3


async def test_a_bad_definition_is_one_dead_letter_and_the_good_one_goes_on(shop: Shop) -> None:
    bad = {**TRIAL, "variants": [{"name": "as-now", "settings": {"diversty": 0.2}}]}
    await shop.send(shop.topics.experiments, orjson.dumps(bad), b"home-list", partition=0)
    await shop.send(shop.topics.experiments, b"{", b"other", partition=0)

    async def letters() -> bool:
        found = [dict(one.headers)[REASON_HEADER] for one in await shop.read(shop.topics.dead_letters)]
        return sorted(map(bytes, found)) == [b"invalid_json", b"unknown_field"]

    await until(letters)
    reasons = {"topic": shop.topics.experiments, "reason": "unknown_field"}
    assert await shop.worker.value("tastestream_dead_letters_total", **reasons) == 1
    assert (await shop.ask(user_id="u3"))["variant"] == expected("u3")
    ran = await tastestream(shop.worker, "experiment", "show")
    assert "running" in ran.text and "diversty" in ran.text and "shadow" in ran.text


async def test_what_can_not_run_is_not_put(shop: Shop, folder: Path) -> None:
    file = folder / "second.json"
    file.write_bytes(orjson.dumps(definition("second", {"name": "a"}, {"name": "b", "settings": {"diversity": 1}})))
    ran = await tastestream(shop.worker, "experiment", "put", str(file))
    assert ran.code != 0 and "home-list changes diversity" in ran.text
    assert not [one for one in await shop.read(shop.topics.experiments) if one.key == b"second"]


async def test_shadow_and_shown_variants_have_a_live_score(shop: Shop) -> None:
    await shop.publish_events(*(event(user, "i19", "purchase") for user in USERS[:10]))
    name, labels = "tastestream_live_choices_total", ("as-now", "varied", "fixed")
    counts = [await shop.worker.value(name, variant=f"home-list/{label}") for label in labels]
    assert counts == [await shop.worker.value(name, variant="default", recommender="ranker")] * 3
    assert counts[0] > 0


async def test_the_report_finds_the_clicks_that_the_variants_got(shop: Shop) -> None:
    users = [f"clicker-{n}" for n in range(20)]
    clicks = []
    replies = [await shop.ask(user_id=user) for user in users]
    await shop.served(*replies)
    for user, reply in zip(users, replies, strict=True):
        first = reply["items"][0]["item_id"]
        if reply["variant"] == "home-list/varied":
            named = {"recommendation_id": reply["recommendation_id"]} if len(clicks) % 2 else {}
            clicks.append(event(user, first, "click", **named))
    await shop.publish_events(*clicks, *clicks[:3], event(clicks[0]["user_id"], "i18", "purchase", value=7.0))
    ran = await tastestream(shop.worker, "experiment", "report", "--experiment", "home-list", "--json")
    assert ran.code == 0, ran.text
    [found] = orjson.loads(ran.text)["experiments"]
    as_now, varied = found["variants"]
    assert (as_now["clicks"], varied["clicks"]) == (0, len(clicks)) != (0, 0)
    assert varied["users"] + as_now["users"] >= len(users)
    assert any("too few data" in warning for warning in found["warnings"])


async def test_an_experiment_that_is_ended_is_answered_as_deployed_and_still_reported(shop: Shop) -> None:
    ran = await tastestream(shop.worker, "experiment", "end", "home-list")
    assert ran.code == 0, ran.text
    await until(lambda: _in_experiment(shop, False))
    shown = await tastestream(shop.worker, "experiment", "report")
    assert "home-list (ended)" in shown.text and "control" in shown.text
    again = await tastestream(shop.worker, "experiment", "end", "home-list")
    assert again.code != 0 and "there is no experiment 'home-list'" in again.text


@pytest.mark.parametrize(
    "arguments", [("report", "--click", "teleport"), ("report", "--window", "long"), ("put", "no")]
)
async def test_what_a_person_gets_wrong_is_said_plainly(shop: Shop, arguments: tuple[str, ...]) -> None:
    ran = await tastestream(shop.worker, "experiment", *arguments)
    assert ran.code != 0 and "Traceback" not in ran.text
