"""`recommendation-requests` → a reply on the topic that the request names, and a line on `recommendations-served`.

Every request gets a reply: an answer, or an error with a code. One whose deadline has passed is
not computed. Replies may come twice after a crash; they carry the same correlation and recommendation id.
"""

import asyncio
import logging
import time
import uuid
from dataclasses import replace
from typing import Protocol

import faust

from workers.errors import BadRecordError
from workers.metrics import Metrics
from workers.recommend.answers import AnswerDependencies, answer, is_foreign
from workers.recommend.replies import Line, ReplySender
from workers.recommend.served import served_key, served_line
from workers.records.codes import RequestFailure
from workers.records.headers import ReplyTo, header_text, reply_to
from workers.records.out import OutRecord
from workers.records.reply import ErrorReply, Reply, encode_reply, error_reply
from workers.records.request import Request, decode_request
from workers.stream.chunk import Chunk, Record
from workers.stream.partitioning import partition_of
from workers.stream.writer import Writer
from workers.topics import Topics

log = logging.getLogger(__name__)

# Chunks being answered at once. One that waits for an event of its own holds up no other as long as others
# are free; many more would only lengthen the drain before a hand-over.
CHUNKS_AT_ONCE = 16
# Marks a request that was forwarded to its user's owner; it is not forwarded twice.
FORWARDED_HEADER = "tastestream.forwarded_from"
_NAMESPACE = uuid.UUID("6d9f2f6e-3f43-5d51-9d6a-5d1c1f0f8a0b")


class RequestsDependencies(AnswerDependencies, Protocol):
    """What this agent uses of a worker, beside what answers need."""

    topics: Topics
    metrics: Metrics
    replies: ReplySender
    writer: Writer


async def handle(record: Record, deps: RequestsDependencies) -> None:
    """Answer one request; returns when its reply is acknowledged."""
    address = reply_to(record.headers, record.value, deps.topics.recommendation_replies, deps.topics.may_reply_to)
    request: Request | None = None
    with deps.scheduler.answering():
        try:
            request = decode_request(record.value, record.key, record.timestamp, record.headers)
            if is_foreign(request, deps) and not _was_forwarded(record):
                return await _forward(request, record, deps)
            reply: Reply | ErrorReply = await _answer(request, record, address, deps)
        except BadRecordError as error:
            reply = error_reply(error)
        except Exception as error:
            log.exception("request %s[%d]@%d failed", record.topic, record.partition, record.offset)
            reply = error_reply(error)
        sent = await _send(reply, request, address, record, deps)
    _count(sent, "unknown" if request is None else request.kind, record, deps.metrics)


async def _answer(request: Request, record: Record, address: ReplyTo, deps: RequestsDependencies) -> Reply:
    if address.refused:
        raise BadRecordError(RequestFailure.REPLY_ADDRESS_REFUSED, address.refused)
    identity = f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}"
    return await answer(request, uuid.uuid5(_NAMESPACE, identity).hex, deps)


def _was_forwarded(record: Record) -> bool:
    return header_text(record.headers, FORWARDED_HEADER) is not None


async def _forward(request: Request, record: Record, deps: RequestsDependencies) -> None:
    """To the owner's partition, as it came: the owner replies."""
    owner = partition_of(request.subject, deps.settings.user_partitions)
    headers = (*record.headers, (FORWARDED_HEADER, b"%d:%d" % (record.partition, record.offset)))
    moved = OutRecord(record.key, record.value, headers, record.timestamp)
    await deps.writer.send(deps.topics.recommendation_requests, owner, [moved])


async def _send(
    reply: Reply | ErrorReply, request: Request | None, address: ReplyTo, record: Record, deps: RequestsDependencies
) -> Reply | ErrorReply:
    """Send to the address asked for; what can't go there becomes an error, on the default topic if need be.

    Returns what was sent.
    """
    reply = replace(reply, correlation_id=address.correlation_id)
    line: Line | None = None
    if request is not None and isinstance(reply, Reply):
        to = ReplyTo(deps.topics.recommendations_served)
        line = Line(to, served_key(request, record.key), served_line(reply, request))
    try:
        await deps.replies.send(address, record.key, encode_reply(reply), line)
    except BadRecordError as error:
        if error.code == RequestFailure.REPLY_ADDRESS_REFUSED:
            address = replace(address, topic=deps.topics.recommendation_replies, partition=None)
        reply = error_reply(error, address.correlation_id)
        try:
            await deps.replies.send(address, record.key, encode_reply(reply))
        except BadRecordError as again:  # the request's key fills a record by itself
            reply = error_reply(again, address.correlation_id)
            await deps.replies.send(address, None, encode_reply(reply))
    return reply


def _count(reply: Reply | ErrorReply, kind: str, record: Record, metrics: Metrics) -> None:
    outcome = "ok" if isinstance(reply, Reply) else str(reply.error.code)
    metrics.observe_request(kind, "total", outcome, max(0.0, time.time() - record.timestamp / 1000))
    if isinstance(reply, Reply):
        metrics.count_reply(kind, reply.variant, bool(reply.degraded))


def attach(app: faust.App, channel: faust.ChannelT[Chunk], deps: RequestsDependencies) -> None:
    """Run `handle` as a Faust agent over the chunks of `recommendation-requests`."""

    free = asyncio.Semaphore(CHUNKS_AT_ONCE)

    async def answer_all(chunk: Chunk) -> None:
        try:
            await asyncio.gather(*(handle(record, deps) for record in chunk.records))
        finally:
            free.release()
        chunk.finish()

    @app.agent(channel, name="requests")
    async def requests(chunks: faust.StreamT[Chunk]) -> None:
        async with asyncio.TaskGroup() as answering:
            async for chunk in chunks:
                await free.acquire()
                if chunk.begin():
                    answering.create_task(answer_all(chunk))
                else:
                    free.release()
