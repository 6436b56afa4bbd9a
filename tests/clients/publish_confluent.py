"""A client over librdkafka: one view a user, by `KEYS` and `PARTITIONER` (a process; touches Kafka)."""

import json
import os
import sys

from confluent_kafka import Producer

from tests.clients.publish_aiokafka import key_of


def main(topic: str, item: str, *users: str) -> None:
    """Publish, and end when all is acknowledged."""
    partitioner = {"partitioner": os.environ["PARTITIONER"]} if "PARTITIONER" in os.environ else {}
    producer = Producer({"bootstrap.servers": os.environ["KAFKA"], **partitioner})
    for user in users:
        event = {"event_type": "view", "user_id": user, "item_id": item}
        producer.produce(topic, json.dumps(event), key=key_of(user))
    if left := producer.flush(30.0):
        sys.exit(f"{left} events were not acknowledged")


if __name__ == "__main__":
    main(*sys.argv[1:])
