"""Whether a worker is there to answer: without one a person would wait until the time is up (touches Kafka)."""

import logging

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from load.client.kafka import unusable
from load.datasets.errors import LoadError
from workers.settings import Settings
from workers.stream.bounded_read import require_topics
from workers.stream.group_members import group_members
from workers.stream.security import client_options
from workers.topics import Topics

log = logging.getLogger(__name__)


async def require_worker(settings: Settings) -> None:
    """Raise `ConfigurationError` without topics to ask on, `LoadError` while the service has no worker."""
    options, topics = client_options(settings), Topics(settings.topic_prefix)
    await require_topics(options, topics.recommendation_requests, topics.recommendation_replies)
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        members = await group_members(admin, settings.app_id)
    except KafkaError as error:
        if not error.retriable:
            raise await unusable(options, error) from error
        log.debug("the members of group %s are not known yet: %s", settings.app_id, error)
        return
    finally:
        await admin.close()
    if not members:
        raise LoadError(
            f"no worker runs: group {settings.app_id} has no members. Start one with `tastestream worker`, or check "
            "TASTESTREAM_APP_ID"
        )
