"""Two clients that ask alike: one the worker, one a bare echo, the baseline of every latency (touches Kafka)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from load.client.client import RequestClient, request_client
from load.client.echo import echo_process
from load.client.kafka import ensure_own_topics
from workers.settings import Settings
from workers.topics import Topics

ECHO_TOPIC = "bench-echo"
REPLY_TOPIC = "bench-replies"


@dataclass(frozen=True, slots=True)
class Clients:
    """Same requests, same settings: what differs is who answers."""

    echo: RequestClient
    worker: RequestClient


@asynccontextmanager
async def open_clients(settings: Settings) -> AsyncIterator[Clients]:
    """Both clients, and the process of the echo, on topics that are created; the worker is the caller's."""
    bootstrap = settings.bootstrap_servers
    await ensure_own_topics(bootstrap, [ECHO_TOPIC], settings.user_partitions)
    await ensure_own_topics(bootstrap, [f"{ECHO_TOPIC}-replies", REPLY_TOPIC])
    requests = Topics(settings.topic_prefix).recommendation_requests
    async with (
        echo_process(bootstrap, ECHO_TOPIC),
        request_client(bootstrap, ECHO_TOPIC, f"{ECHO_TOPIC}-replies") as echo,
        request_client(bootstrap, requests, REPLY_TOPIC) as worker,
    ):
        yield Clients(echo, worker)
