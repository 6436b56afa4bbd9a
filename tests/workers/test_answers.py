"""Read your writes: an answer waits for the caller's own event, wherever it was published."""

import asyncio
import time

import orjson
import pytest
from aiokafka import TopicPartition

from tests.agents.dependencies import PARTITIONS, Sent, chunk_of_records, json_record, partition_for
from tests.stream.builders import record_at
from tests.workers.answering import answering_deps
from workers.agents import interactions
from workers.errors import BadRecordError
from workers.recommend.answers import answer
from workers.records.reply import Reply
from workers.records.request import Request, decode_request
from workers.runtime.dependencies import Dependencies

OFFSET = 10**12  # far above what a whole run of tests publishes
VIEW = {"event_type": "view", "user_id": "u", "item_id": "red-2"}
HOME = partition_for("u")
AWAY = (HOME + 1) % PARTITIONS


def asked(partition: int, offset: int, deadline_ms: int = 10_000) -> Request:
    body = {"user_id": "u", "min_offset": {"partition": partition, "offset": offset}, "deadline_ms": deadline_ms}
    return decode_request(orjson.dumps(body), None, int(time.time() * 1000))


async def publish_abroad(deps: Dependencies) -> None:
    """The user's event in a partition that is not theirs, as the interactions agent meets it first."""
    tp = TopicPartition("user-interactions", AWAY)
    await interactions.handle(chunk_of_records(record_at(tp, OFFSET, b"k", orjson.dumps(VIEW))), deps)


async def bring_home(deps: Dependencies) -> None:
    """What was forwarded, as the owner of the user meets it."""
    assert isinstance(deps.writer, Sent)
    [sent] = deps.writer.to("interactions-rerouted")
    tp = TopicPartition("interactions-rerouted", HOME)
    record = record_at(tp, 0, sent.key, sent.value, sent.timestamp_ms or 0, sent.headers)
    await interactions.handle(chunk_of_records(record), deps)


async def refused(request: Request, deps: Dependencies) -> str:
    with pytest.raises(BadRecordError) as error:
        await answer(request, "r1", deps)
    return error.value.code


async def test_an_event_that_was_only_forwarded_is_not_held_yet() -> None:
    async with answering_deps() as deps:
        await publish_abroad(deps)
        assert await refused(asked(AWAY, OFFSET, deadline_ms=50), deps) == "deadline_passed"


async def test_the_answer_goes_out_as_soon_as_the_forwarded_event_is_folded() -> None:
    async with answering_deps() as deps:
        await publish_abroad(deps)
        waiting = asyncio.create_task(answer(asked(AWAY, OFFSET), "r1", deps))
        await asyncio.sleep(0)
        await bring_home(deps)
        reply: Reply = await asyncio.wait_for(waiting, timeout=4.0)
        assert "red-2" not in {item.item_id for item in reply.items}


async def test_an_event_at_home_is_held_whatever_became_of_it() -> None:
    async with answering_deps() as deps:
        bad = json_record("user-interactions", OFFSET, "u", {"event_type": "view"})
        await interactions.handle(chunk_of_records(bad), deps)
        assert (await answer(asked(HOME, OFFSET), "r1", deps)).items


async def test_a_partition_that_leaves_while_a_request_waits_is_not_answered_from() -> None:
    async with answering_deps() as deps:
        waiting = asyncio.create_task(refused(asked(HOME, OFFSET), deps))
        await asyncio.sleep(0)
        del deps.users.partitions[HOME]
        deps.progress.advance(HOME, OFFSET)
        assert await waiting == "wrong_partition"
