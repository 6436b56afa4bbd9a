"""A client over librdkafka that asks with Spring's headers and prints its reply's (a process; touches Kafka)."""

import json
import os
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

WITHIN_S = 30.0


def main(requests: str, replies: str, partition: str, correlation: str, user: str) -> None:
    """`correlation` is hexadecimal; prints the reply's partition, key, correlation and number of items."""
    consumer = Consumer({"bootstrap.servers": os.environ["KAFKA"], "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(replies, number, 0) for number in range(3)])
    producer = Producer({"bootstrap.servers": os.environ["KAFKA"]})
    address: list[tuple[str, str | bytes | None]] = [
        ("kafka_correlationId", bytes.fromhex(correlation)),
        ("kafka_replyTopic", replies.encode()),
        ("kafka_replyPartition", int(partition).to_bytes(4, "big")),
    ]
    producer.produce(requests, json.dumps({"user_id": user, "limit": 3}), key=user, headers=address)
    producer.flush(WITHIN_S)
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        reply = consumer.poll(1.0)
        if reply is not None and reply.error() is None:
            headers = dict(reply.headers() or ())
            items = json.loads(reply.value() or b"{}").get("items", [])
            key = reply.key() or b""
            seen = (reply.partition(), key.decode(), headers["kafka_correlationId"].hex(), len(items))
            print(json.dumps(seen))
            return
    sys.exit("no reply")


if __name__ == "__main__":
    main(*sys.argv[1:])
