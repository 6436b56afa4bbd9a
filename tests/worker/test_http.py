"""The same questions over HTTP: the same answers, and errors that programs understand."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio

from infra.ports import HOST
from tests.waiting import until
from tests.worker.builders import event, item
from tests.worker.shop import Shop
from workers.stream.partitioning import partition_of

PATH = "/v1/recommendations"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def catalog(shop: Shop) -> AsyncIterator[None]:
    await shop.publish_items(*(item(f"i{n}") for n in range(30)))
    await shop.publish_events(*(event("u", f"i{n}") for n in range(5)))
    yield


async def post(shop: Shop, body: dict[str, Any] | bytes) -> tuple[int, dict[str, Any]]:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    status, reply = await shop.worker.post(PATH, content)
    return status, orjson.loads(reply)


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "u", "limit": 5, "explain": True},
        {"kind": "trending", "limit": 5},
        {"kind": "similar_items", "item_ids": ["i1"]},
        {"kind": "search", "text": "title of i7"},
    ],
    ids=str,
)
async def test_the_answer_is_that_of_kafka(shop: Shop, body: dict[str, Any]) -> None:
    status, found = await post(shop, body)
    by_kafka = await shop.ask(**body)
    own = {"recommendation_id", "took_ms", "next"}
    assert status == 200 and found["items"]
    assert {k: v for k, v in found.items() if k not in own} == {k: v for k, v in by_kafka.items() if k not in own}


async def test_pages_go_on_over_either_way(shop: Shop) -> None:
    _, first = await post(shop, {"user_id": "u", "limit": 5})
    second = await shop.ask(user_id="u", limit=5, next=first["next"])
    assert second["recommendation_id"] == first["recommendation_id"]
    assert not {one["item_id"] for one in first["items"]} & {one["item_id"] for one in second["items"]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty_value"),
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "wrong_type"),
        ({"limit": 5}, 400, "missing_field"),
        ({"kind": "astrology"}, 400, "unsupported_kind"),
        ({"user_id": "u", "next": "AAAA"}, 400, "invalid_page"),
        ({"kind": "similar_items", "item_ids": ["nowhere"]}, 404, "unknown_item"),
        ({"user_id": "u", "min_offset": {"partition": 0, "offset": 10**15}, "deadline_ms": 50}, 408, "deadline_passed"),
        (b" " * (1024 * 1024 + 1), 413, "too_large"),
    ],
)
async def test_an_error_has_its_status_and_its_code(
    shop: Shop, body: dict[str, Any] | bytes, status: int, code: str
) -> None:
    found, reply = await post(shop, body)
    assert (found, reply["error"]["code"]) == (status, code)
    assert reply["error"]["message"]


async def test_what_was_shown_is_on_the_served_topic(shop: Shop) -> None:
    _, shown = await post(shop, {"user_id": "u", "limit": 4})
    [line] = await shop.served(shown)
    assert [position["item_id"] for position in line["items"]] == [found["item_id"] for found in shown["items"]]


async def test_requests_are_counted_by_kind_and_outcome(shop: Shop) -> None:
    name, labels = "tastestream_request_duration_seconds_count", {"kind": "for_user", "stage": "http"}
    before = await shop.worker.value(name, **labels, outcome="ok")
    await post(shop, {"user_id": "u"})
    assert await shop.worker.value(name, **labels, outcome="ok") == before + 1


@pytest.mark.parametrize("page", ["/", "/router/users/u/", "/router/", "/table/", "/graph/"])
async def test_no_pages_of_a_library_are_public(shop: Shop, page: str) -> None:
    assert await shop.worker.status(page) == 404


async def test_only_posts_are_answered(shop: Shop) -> None:
    assert await shop.worker.status(PATH) == 405


async def test_clients_with_unfinished_bodies_keep_no_other_out_and_leave_no_trace(shop: Shop) -> None:
    unfinished = b"POST %s HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\n{" % PATH.encode()
    internal = {"stage": "http", "outcome": "internal_error"}
    before = await shop.worker.value("tastestream_request_duration_seconds_count", **internal)
    opened = [await asyncio.open_connection(HOST, int(str(shop.worker.settings["web_port"]))) for _ in range(100)]
    for _, writer in opened:
        writer.write(unfinished)
        await writer.drain()
    assert (await post(shop, {"user_id": "u", "limit": 5}))[0] == 200
    for _, writer in opened:
        writer.close()
    assert (await post(shop, {"user_id": "u", "limit": 5}))[0] == 200
    assert await shop.worker.value("tastestream_request_duration_seconds_count", **internal) == before
    assert "Traceback" not in shop.worker.log


async def test_a_user_of_another_worker_is_refused_and_found_there(shop: Shop) -> None:
    twin = shop.worker.twin()
    await twin.start()
    try:
        users = {partition_of(name, 4): name for name in (f"v{n}" for n in range(50))}

        async def shared_out() -> bool:
            found = [[(await one.post(PATH, b'{"user_id":"%s"}' % user.encode()))[0] for user in users.values()]
                     for one in (shop.worker, twin)]  # fmt: skip
            return all(sorted(pair) == [200, 421] for pair in zip(*found, strict=True)) and 200 in found[0]

        await until(shared_out, deadline_s=30.0)
        assert (await twin.post(PATH, b'{"kind":"trending"}'))[0] == 200
    finally:
        assert await twin.stop() == 0, twin.log[-4000:]
