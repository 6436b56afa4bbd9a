"""Request load and echo on a real broker: schedule, matching, and what counts as latency."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson
import pytest
from aiokafka import ConsumerRecord

from load.client.client import request_client
from load.client.echo import measure_echo
from load.client.kafka import consumer_at_end, prompt_producer
from load.client.requests import LoadReport, arrival_times, error_code, run_load
from load.datasets.errors import LoadError
from tests.kafka import create_topic, unique_name
from tests.waiting import until

Answer = Callable[[ConsumerRecord], list[bytes]]
BODY = {"kind": "for_user", "user_id": "7", "limit": 10}


@asynccontextmanager
async def responder(broker: str, topic: str, answer: Answer) -> AsyncIterator[list[ConsumerRecord]]:
    """Answers every request of `topic` with `answer`'s replies; yields the requests as they come."""
    requests: list[ConsumerRecord] = []

    async def respond(consumer: Any, producer: Any) -> None:
        async for record in consumer:
            requests.append(record)
            headers = dict(record.headers)
            for value in answer(record):
                reply_to = headers["reply_to"].decode()
                await producer.send(reply_to, value, headers=[("correlation_id", headers["correlation_id"])])

    async with consumer_at_end(broker, topic) as consumer, prompt_producer(broker) as producer:
        task = asyncio.create_task(respond(consumer, producer))
        try:
            yield requests
        finally:
            task.cancel()


async def topics(broker: str) -> tuple[str, str]:
    return await create_topic(broker, "requests"), await create_topic(broker, "replies")


async def loaded(broker: str, answer: Answer, arrivals: Any, timeout_s: float = 5.0) -> LoadReport:
    asked, replied = await topics(broker)
    async with responder(broker, asked, answer), request_client(broker, asked, replied) as client:
        return await run_load(client, [BODY], arrivals, timeout_s)


async def test_a_request_carries_key_body_and_both_headers(broker: str) -> None:
    asked, replied = await topics(broker)
    async with (
        responder(broker, asked, lambda record: [b'{"items": []}']) as requests,
        request_client(broker, asked, replied) as client,
    ):
        assert await client.ask(BODY) == {"items": []}
    headers = dict(requests[0].headers)
    assert (requests[0].key, orjson.loads(requests[0].value)) == (b"7", BODY)
    assert headers["reply_to"] == replied.encode() and headers["correlation_id"]


async def test_every_request_of_a_load_is_answered_and_measured(broker: str) -> None:
    report = await loaded(broker, lambda record: [b"{}"], arrival_times(200.0, 0.5))
    assert (report.requests, report.answered, report.timed_out, report.errors) == (100, 100, 0, {})
    assert 0 < report.percentile(50) <= report.percentile(95) <= report.percentile(99) <= report.max_ms


async def test_errors_are_counted_by_code_and_silence_as_infinite(broker: str) -> None:
    replies = iter([[b"{}"], [b'{"error": {"code": "late", "message": "m"}}'], [], [b"no json"]])
    report = await loaded(broker, lambda record: next(replies), arrival_times(100.0, 0.04), timeout_s=1.0)
    assert (report.answered, report.timed_out) == (1, 1)
    assert report.errors == {"late": 1, "not_json": 1}
    assert report.max_ms == float("inf") > report.percentile(50)


async def test_a_second_reply_to_one_request_is_counted_apart(broker: str) -> None:
    asked, replied = await topics(broker)
    async with (
        responder(broker, asked, lambda record: [b'{"reply": 1}', b'{"reply": 2}']),
        request_client(broker, asked, replied) as client,
    ):
        assert await client.ask(BODY) == {"reply": 1}
        await until(lambda: client.unmatched == 1)


async def test_latency_counts_from_the_intended_time_so_a_stall_shows_in_every_request(broker: str) -> None:
    asked, replied = await topics(broker)
    stall_s = 0.5
    async with (
        responder(broker, asked, lambda record: [b"{}"]),
        request_client(broker, asked, replied) as client,
    ):
        send = client.send
        loop = asyncio.get_running_loop()

        async def send_after_a_stall(body: Any) -> Any:
            began = loop.time()
            while loop.time() < began + stall_s:  # holds the event loop, as a pause of the whole process would
                pass
            client.send = send  # type: ignore[method-assign]
            return await send(body)

        client.send = send_after_a_stall  # type: ignore[method-assign]
        report = await run_load(client, [BODY], arrival_times(100.0, 0.2))
    due_ms = np.arange(20) * 10.0
    assert (report.latency_ms[::-1] >= stall_s * 1000 - due_ms).all()


async def test_a_load_without_any_answer_stops_by_itself(broker: str) -> None:
    report = await loaded(broker, lambda record: [], arrival_times(100.0, 0.05), timeout_s=0.2)
    assert (report.requests, report.answered, report.timed_out) == (5, 0, 5)


async def test_asking_without_a_worker_says_what_to_check(broker: str) -> None:
    asked, replied = await topics(broker)
    async with request_client(broker, asked, replied) as client:
        with pytest.raises(LoadError, match="check that a worker is running"):
            await client.ask(BODY, timeout_s=0.2)


async def test_an_empty_schedule_is_an_empty_report(broker: str) -> None:
    report = await loaded(broker, lambda record: [], arrival_times(10.0, 0.0))
    assert report.requests == 0 and np.isnan(report.percentile(50))


async def test_the_echo_process_gives_the_floor_of_the_same_load(broker: str) -> None:
    report = await measure_echo(broker, unique_name("echo"), [BODY], arrival_times(100.0, 0.3))
    assert (report.requests, report.answered, report.errors) == (30, 30, {})


def test_even_arrivals_are_spaced_by_the_rate_and_bounded_in_number() -> None:
    np.testing.assert_allclose(np.diff(arrival_times(50.0, 10.0)), 0.02)
    assert len(arrival_times(50.0, 10.0)) == 500
    assert len(arrival_times(50.0, 10.0, max_requests=7)) == 7


def test_poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() -> None:
    times = arrival_times(100.0, 100.0, poisson=True, seed=5)
    gaps = np.diff(times)
    assert times[-1] < 100.0 and (gaps > 0).all()
    assert len(times) == pytest.approx(10_000, rel=0.05)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)
    np.testing.assert_array_equal(times, arrival_times(100.0, 100.0, poisson=True, seed=5))


@pytest.mark.parametrize("value", [b"", b"[]", b"nonsense"])
def test_replies_that_are_no_object_are_errors(value: bytes) -> None:
    assert error_code(value) == "not_json"
