"""The example with Kafka runs against a real worker (processes)."""

import asyncio
from pathlib import Path

from tests.examples.running import run_example
from tests.worker.builders import item
from tests.worker.process import Worker
from tests.worker.shop import open_shop


async def test_the_example_publishes_asks_and_prints_a_list_without_what_the_user_liked(
    broker: str, tmp_path: Path
) -> None:
    worker = await Worker(broker, tmp_path).start()
    try:
        async with open_shop(worker) as shop:
            await shop.publish_items(*(item(name) for name in ("heat", "ronin", "alien")))
        where = {"KAFKA": broker, "TASTESTREAM_TOPIC_PREFIX": worker.topics.prefix}
        lines = (await asyncio.to_thread(run_example, "publish_and_ask", "u1", **where)).splitlines()
        assert [line[:2] for line in lines] == ["1.", "2."]
        assert not any("heat" in line.lower() for line in lines)
        assert await worker.value("tastestream_events_total", outcome="applied") == 1
    finally:
        worker.kill()
