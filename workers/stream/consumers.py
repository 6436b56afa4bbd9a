"""Every consumer of ours is made here, so that none reads by chance what was not committed (no I/O until started)."""

from typing import Any

from aiokafka import AIOKafkaConsumer

from workers.stream.connect import ClientOptions
from workers.stream.unpacking import bound_unpacking


def committed_reader(options: ClientOptions, **settings: Any) -> AIOKafkaConsumer:
    """A consumer of what others write too: records of open and aborted transactions do not exist for it.

    Its `end_offsets` are last stable offsets: an open transaction hides what is behind it, of any producer, and
    waiting for more could take as long as the transaction.
    """
    return _consumer(options, isolation_level="read_committed", **settings)


def log_reader(options: ClientOptions, **settings: Any) -> AIOKafkaConsumer:
    """A consumer of all that is in the log, where only we write and each acknowledged record counts.

    Its `end_offsets` are those of the log: what distinguishes a topic that grew from one that was created again.
    """
    return _consumer(options, isolation_level="read_uncommitted", **settings)


def _consumer(options: ClientOptions, **settings: Any) -> AIOKafkaConsumer:
    bound_unpacking()
    return AIOKafkaConsumer(**options, enable_auto_commit=False, **settings)
