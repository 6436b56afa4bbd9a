"""The floor under every request figure: a process that sends each request's bytes back (touches Kafka).

`python -m load.client.echo TOPIC [BOOTSTRAP]` does nothing else, with the clients that the load itself uses; what a
request costs beyond an echo is the recommender's own. Without an address it goes by the worker's settings: no
password is ever on a command line.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from load.client.client import CORRELATION_HEADER, REPLY_TO_HEADER, request_client
from load.client.kafka import Bootstrap, consumer_at_end, ensure_own_topics, prompt_producer
from load.client.requests import LoadReport, run_load
from load.datasets.errors import LoadError
from workers.settings import load_settings
from workers.stream.security import client_options

READY = b"echo ready\n"
PROJECT = Path(__file__).resolve().parents[2]  # where `load` can be imported from
START_TIMEOUT_S = 30.0


async def echo(bootstrap: Bootstrap, topic: str) -> None:
    """Sends every record of `topic` to the topic in its `reply_to` header, until cancelled."""
    async with consumer_at_end(bootstrap, topic) as consumer, prompt_producer(bootstrap) as producer:
        sys.stdout.buffer.write(READY)
        sys.stdout.flush()
        async for record in consumer:
            headers = dict(record.headers)
            await producer.send(
                headers[REPLY_TO_HEADER].decode(),
                record.value,
                key=record.key,
                headers=[(CORRELATION_HEADER, headers[CORRELATION_HEADER])],
            )


@asynccontextmanager
async def echo_process(bootstrap: Bootstrap, topic: str) -> AsyncIterator[int]:
    """An echo of `topic` in a process of its own, ready when entered, ended when left; yields its id."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "load.client.echo", topic, *([bootstrap] if isinstance(bootstrap, str) else [])),
        stdout=asyncio.subprocess.PIPE,
        cwd=PROJECT,
    )
    try:
        assert process.stdout is not None  # it is a pipe
        first = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S)
        if first != READY:
            raise LoadError(f"the echo of {topic} ended before it was ready; its own message says why")
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def measure_echo(
    bootstrap: Bootstrap,
    topic: str,
    bodies: Sequence[Mapping[str, Any]],
    arrivals: NDArray[np.float64],
    timeout_s: float = 5.0,
) -> LoadReport:
    """The same load as `run_load`, answered by an echo on `topic`, which is created with its reply topic."""
    replies = f"{topic}-replies"
    await ensure_own_topics(bootstrap, [topic, replies])
    async with echo_process(bootstrap, topic), request_client(bootstrap, topic, replies) as client:
        return await run_load(client, bodies, arrivals, timeout_s)


if __name__ == "__main__":
    topic, *address = sys.argv[1:]
    asyncio.run(echo(address[0] if address else client_options(load_settings()), topic))
