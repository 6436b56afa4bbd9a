"""From a topic in an unknown shape to answers: detect, file, worker."""

import asyncio
from pathlib import Path
from typing import Any

from tests.kafka import create_topic
from tests.worker.process import Worker
from tests.worker.shop import open_shop
from tests.worker.tool import tastestream

SHOPPERS, LAMPS = 6, 8


def lamp(number: int) -> dict[str, Any]:
    return {"articleId": f"lamp-{number}", "productName": f"Lamp {number}", "salePrice": 9.5, "department": "light"}


def shop_event(shopper: int, number: int) -> dict[str, Any]:
    return {
        "meta": {"eventUuid": f"e-{shopper}-{number}", "occurredAt": 1_714_564_800 + number},
        "actor": {"customerId": f"c{shopper}"},
        "action": "PDP_VIEWED" if number % 3 else "ORDER_PLACED",
        "lines": [{"sku": f"lamp-{number}"}],
    }


async def test_a_foreign_topic_is_detected_and_a_worker_answers_from_it(broker: str, tmp_path: Path) -> None:
    worker = Worker(broker, tmp_path)
    ran = await tastestream(worker, "topics")
    assert ran.code == 0, ran.text
    events = [(f"c{shopper}", shop_event(shopper, number)) for shopper in range(SHOPPERS) for number in range(4)]
    try:
        async with open_shop(worker) as shop:
            topics = shop.topics
            await shop.publish(topics.item_catalog, [(f"lamp-{n}", lamp(n)) for n in range(LAMPS)])
            await shop.publish(topics.user_interactions, events)
            # An item's key is an id, and nothing else is needed: as they are, items would be understood nameless.
            for topic, before in ((topics.user_interactions, "0.0%"), (topics.item_catalog, "100.0%")):
                ran = await tastestream(
                    worker, "schema", "detect", "--topic", topic, "--write", str(tmp_path / "mapping.json")
                )
                assert ran.code == 0, ran.text
                assert f"understood as they are: {before}, with the mapping: 100.0%" in ran.text
            assert "productName" in ran.text and "read as item records" in ran.text
            worker.settings["mapping_file"] = tmp_path / "mapping.json"
            await worker.start()
            await shop.until_folded()
            reply = await shop.ask(user_id="c1", limit=10)
            assert {found["item_id"] for found in reply["items"]} == {f"lamp-{n}" for n in range(4, LAMPS)}
            assert {found["category"] for found in reply["items"]} == {"light"}
            assert await worker.value("tastestream_dead_letters_total") == 0
            assert await worker.value("tastestream_events_total", type="purchase") == SHOPPERS * 2
        assert await worker.stop() == 0
    finally:
        worker.kill()


async def test_the_newest_records_are_sampled_and_the_topic_is_not_made_by_asking(broker: str, tmp_path: Path) -> None:
    worker = Worker(broker, tmp_path)
    topic = await create_topic(broker, "foreign", partitions=3)
    async with open_shop(worker) as shop:
        old, new = {"who": 1}, {"customer": "u", "sku": "a", "action": "viewed"}
        await shop.publish(topic, [(f"k{n}", old) for n in range(50)])
        await asyncio.gather(*(shop.send(topic, b'{"customer":"u","sku":"a"}', partition=p) for p in range(3)))
        await shop.publish(topic, [("k", new)] * 20)
    file = tmp_path / "mapping.json"
    ran = await tastestream(
        worker, "schema", "detect", "--topic", topic, "--sample", "3", "--kind", "interaction", "--write", str(file)
    )
    # Two of these say nothing of what happened: too little for a mapping to start a worker with.
    assert ran.code == 1 and "3 records, 0 of them no JSON object" in ran.text, ran.text
    assert "only 33.3% of the records are understood" in ran.text and '"customer": "user_id"' in ran.text
    assert "in some of the records only: event_type (33.3%)" in ran.text
    assert "Traceback" not in ran.text and not file.exists()
    missing = await tastestream(worker, "schema", "detect", "--topic", "nowhere")
    assert missing.code == 1 and "there is no topic nowhere" in missing.text
    assert "Traceback" not in missing.text
