"""Reads definitions, and publishes or ends one, for a person at a terminal (touches Kafka)."""

import json

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.table import Table

from workers.admin.shown import shown
from workers.control.definitions import Definitions
from workers.control.running import choose
from workers.errors import BadRecordError, ConfigurationError
from workers.records.experiment import Experiment, Variant, decode_experiment
from workers.records.wire import parse_object
from workers.settings import Settings
from workers.stream.bounded_read import TopicReader, read_guidance, topic_reader, unreachable
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.refused import Refusals
from workers.stream.security import client_options
from workers.topics import Topics


async def read_definitions(reader: TopicReader, topics: Topics) -> tuple[Definitions, Refusals]:
    """All of the topic, as every worker reads it, and what it skips."""
    definitions = Definitions()
    return definitions, await read_guidance(reader, topics.experiments, definitions.apply)


async def put(settings: Settings, text: bytes) -> Experiment:
    """Publish a definition that can run; raises `ConfigurationError` for one that can't, and publishes nothing."""
    options, topics = client_options(settings), Topics(settings.topic_prefix)
    experiment = checked(text)
    async with topic_reader(options) as reader:
        definitions, _ = await read_definitions(reader, topics)
    others = {name: one for name, one in definitions.current.items() if name != experiment.name}
    _, waiting = choose([*others.values(), experiment], settings.ranker)
    if problem := waiting.get(experiment.name):
        raise ConfigurationError(f"experiment {experiment.name} can't run: {problem}")
    await _publish(options, topics.experiments, experiment.name, text)
    return experiment


async def end(settings: Settings, name: str) -> None:
    """End an experiment, also one whose definition can't be read: its users get answers as deployed.

    Raises `ConfigurationError` if there is none.
    """
    options, topics = client_options(settings), Topics(settings.topic_prefix)
    async with topic_reader(options) as reader:
        definitions, refused = await read_definitions(reader, topics)
    if name not in definitions.current and name not in {one.key for one in refused}:
        raise ConfigurationError(f"there is no experiment {name!r}: `tastestream experiment show` lists them")
    await _publish(options, topics.experiments, name, None)


def checked(text: bytes) -> Experiment:
    """The definition in a file; raises `ConfigurationError` that says what is wrong."""
    try:
        name = parse_object(text).get("name")
        return decode_experiment(text, name.encode() if isinstance(name, str) else None)
    except BadRecordError as error:
        raise ConfigurationError(f"this is no definition of an experiment: {error}") from None


async def overview(settings: Settings) -> tuple[Table, Refusals]:
    """Every experiment with its variants, and the definitions that no worker takes."""
    async with topic_reader(client_options(settings)) as reader:
        definitions, refused = await read_definitions(reader, Topics(settings.topic_prefix))
    return definitions_table(definitions, settings), refused


def definitions_table(definitions: Definitions, settings: Settings) -> Table:
    """One line a variant; those of ended experiments come last."""
    _, waiting = choose(definitions.current.values(), settings.ranker)
    table = Table("experiment", "state", "for", "variant", title="experiments", title_justify="left")
    table.add_column("users", justify="right")
    table.add_column("changes")
    for name, one in definitions.current.items():
        _add(table, one, f"waits: {waiting[name]}" if name in waiting else "running")
    for one in definitions.ended.values():
        _add(table, one, "ended")
    return table


def _add(table: Table, one: Experiment, state: str) -> None:
    scope = ", ".join((*one.kinds, *one.scenarios)) or "all requests"
    for position, variant in enumerate(one.variants):
        head = (one.name, state, scope) if position == 0 else ("", "", "")
        role = " (control)" if variant == one.shown[0] else ""
        cells = (*head, variant.name + role, _share(one, variant), _changes(variant))
        table.add_row(*(shown(text, 120) for text in cells), end_section=variant == one.variants[-1])


def _share(one: Experiment, variant: Variant) -> str:
    if variant.shadow:
        return "shadow"
    return f"{one.weights[one.shown.index(variant)] / sum(one.weights):.1%}"


def _changes(variant: Variant) -> str:
    changed = variant.settings.model_dump(mode="json", include=set(variant.settings.changed), exclude_unset=True)
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in sorted(changed.items())) or "nothing"


async def _publish(options: ClientOptions, topic: str, name: str, value: bytes | None) -> None:
    try:
        producer = await connect(lambda: AIOKafkaProducer(**options, acks="all"), patience_s=0)
        try:
            await producer.send_and_wait(topic, value, key=name.encode(), partition=0)
        finally:
            await disconnect(producer)
    except (KafkaError, OSError) as error:
        raise unreachable(options, error) from error
