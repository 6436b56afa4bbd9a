"""How every client of ours reaches Kafka: with patience while there is no broker yet."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from workers.messages.waiting import say_what_for

log = logging.getLogger(__name__)

# Keyword arguments that aiokafka's producer, consumer and admin client share: servers, security, client id.
ClientOptions = dict[str, Any]

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
# aiokafka waits without end for a broker that is away; a worker that was asked to stop must end.
STOP_WITHIN_S = 3.0


class Client(Protocol):
    """What aiokafka's clients have in common."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


C = TypeVar("C", bound=Client)


async def connect(build: Callable[[], C], *, patience_s: float) -> C:
    """Build and start a client, again and again until it connects; raises the last error after `patience_s`."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type((KafkaError, OSError)),
        stop=stop_after_delay(patience_s),
        wait=wait_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S),
        before_sleep=say_what_for(log, "Kafka takes a connection"),
        reraise=True,
    ):
        with attempt:
            return await _start(build())
    raise AssertionError("unreachable: the retry loop returns or raises")


async def disconnect(client: Client) -> None:
    """Stop a client; one whose broker is away is left behind after a while.

    Nothing that matters waits in it: what was not acknowledged was not committed either.
    """
    with suppress(TimeoutError):
        await asyncio.wait_for(client.stop(), STOP_WITHIN_S)


async def _start(client: C) -> C:
    try:
        await client.start()
    except BaseException:
        await disconnect(client)
        raise
    return client
