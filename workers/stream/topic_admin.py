"""Creates the topics that are missing and refuses those that contradict their specs. Touches Kafka."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from workers.errors import ConfigurationError, DependencyError
from workers.messages.waiting import plain
from workers.stream.refusal import refusal
from workers.topics import TopicSpec, TopicView

NO_ERROR = 0
TOPIC_ALREADY_EXISTS = 36  # another worker started at the same moment: its topic is checked like any other
# Beside the clean-up policy: a bound that is too low would end the worker at the first large letter, and times
# of another type would delete letters of old records at once. Numbers are least values.
CHECKED = ("max.message.bytes", "message.timestamp.type")
VISIBLE_WITHIN_S = 30.0
POLL_EVERY_S = 0.05


async def ensure_topics(client_options: Mapping[str, Any], specs: Sequence[TopicSpec], replication_factor: int) -> None:
    """Every topic exists as specified; idempotent, and safe when several workers start at once.

    `client_options` are aiokafka's: `bootstrap_servers` and, where needed, security.
    Raises ConfigurationError for topics that exist otherwise, and when Kafka refuses us; DependencyError when it
    does not answer.
    """
    async with _admin(client_options) as admin:
        present = set(await admin.list_topics())
        await _create(admin, [spec for spec in specs if spec.name not in present], replication_factor)
        partitions = await _partition_counts(admin, specs)
        configs = await _configurations(admin, specs)
    problems = [problem for spec in specs for problem in _contradictions(spec, partitions, configs)]
    if problems:
        raise ConfigurationError("; ".join(problems))


async def inspect_topics(client_options: Mapping[str, Any], specs: Sequence[TopicSpec]) -> list[TopicView]:
    """How each topic of `specs` is, in their order; creates nothing. Raises as `ensure_topics` does."""
    async with _admin(client_options) as admin:
        present = set(await admin.list_topics())
        existing = [spec for spec in specs if spec.name in present]
        partitions = await _partition_counts(admin, existing) if existing else {}
        configs = await _configurations(admin, existing) if existing else {}
    return [
        TopicView(
            spec,
            partitions[spec.name],
            configs[spec.name]["cleanup.policy"],
            tuple(_contradictions(spec, partitions, configs)),
        )
        if spec.name in present
        else TopicView(spec)
        for spec in specs
    ]


@asynccontextmanager
async def _admin(client_options: Mapping[str, Any]) -> AsyncIterator[Any]:
    """A started client; what goes wrong inside becomes ConfigurationError or DependencyError."""
    admin = AIOKafkaAdminClient(**client_options)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        if refused := await refusal(client_options):
            raise refused from error
        servers, protocol = client_options.get("bootstrap_servers"), client_options.get("security_protocol")
        spoken = f" Does it speak {protocol} there?" if protocol else ""
        raise DependencyError(
            f"Kafka at {servers} can't prepare the topics ({plain(error)}): is it up?{spoken}"
        ) from error
    finally:
        await admin.close()


async def _create(admin: Any, missing: Iterable[TopicSpec], replication_factor: int) -> None:
    topics = [
        NewTopic(
            spec.name,
            spec.partitions,
            replication_factor,
            topic_configs={"cleanup.policy": spec.cleanup, **spec.config},
        )
        for spec in missing
    ]
    if not topics:
        return
    response = await admin.create_topics(topics)
    for name, code, *message in response.topic_errors:
        if code not in (NO_ERROR, TOPIC_ALREADY_EXISTS):
            raise ConfigurationError(
                f"topic {name} was not created: {for_code(code).__name__} {message[0] if message else ''}; "
                "check the replication factor, the number of brokers and the permissions"
            )


async def _partition_counts(admin: Any, specs: Sequence[TopicSpec]) -> dict[str, int]:
    """Partitions by topic, once every topic is visible with a leader for each: creation takes a moment."""
    names = [spec.name for spec in specs]
    async with asyncio.timeout(VISIBLE_WITHIN_S):
        while True:
            described = await admin.describe_topics(names)
            if all(_is_ready(topic) for topic in described):
                return {topic["topic"]: len(topic["partitions"]) for topic in described}
            await asyncio.sleep(POLL_EVERY_S)


def _is_ready(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return topic["error_code"] == NO_ERROR and bool(partitions) and all(p["leader"] >= 0 for p in partitions)


async def _configurations(admin: Any, specs: Sequence[TopicSpec]) -> dict[str, dict[str, str]]:
    """What each topic says of the options that are checked."""
    checked = dict.fromkeys(("cleanup.policy", *CHECKED), "")
    wanted = [ConfigResource(ConfigResourceType.TOPIC, spec.name, configs=dict(checked)) for spec in specs]
    configs = {}
    for response in await admin.describe_configs(wanted):
        for code, _, _, name, entries in response.resources:
            if code != NO_ERROR:
                raise for_code(code)(f"configuration of topic {name}")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


def _contradictions(
    spec: TopicSpec, partitions: Mapping[str, int], configs: Mapping[str, Mapping[str, str]]
) -> Iterable[str]:
    found = partitions[spec.name]
    if spec.fixed and found != spec.partitions:
        yield (
            f"topic {spec.name} has {found} partitions, expected {spec.partitions}: set the worker's "
            "partition count to the topic's, or use another topic prefix (adding partitions to this one "
            "would move users and items away from their state)"
        )
    checked = {name: spec.config[name] for name in CHECKED if name in spec.config}
    for name, expected in {"cleanup.policy": spec.cleanup, **checked}.items():
        said = configs[spec.name][name]
        if not _suffices(said, expected):
            least = "at least " if expected.isdigit() else ""
            yield (
                f"topic {spec.name} has {name}={said}, expected {least}{expected}: change the topic's "
                "configuration, or use another topic prefix"
            )


def _suffices(said: str, expected: str) -> bool:
    return int(said) >= int(expected) if expected.isdigit() else said == expected
