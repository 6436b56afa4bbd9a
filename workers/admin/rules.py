"""Rules as a person handles them: checked before they are published, and shown as the workers read them (I/O)."""

from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.table import Table

from workers.admin.shown import shown
from workers.errors import BadRecordError, ConfigurationError, DependencyError
from workers.messages.waiting import plain
from workers.records.rules import Rules, decode_rules, scenario_of
from workers.settings import Settings
from workers.stream.bounded_read import read_guidance, topic_reader, unreachable
from workers.stream.chunk import Record
from workers.stream.connect import ClientOptions, connect, disconnect
from workers.stream.refusal import refusal
from workers.stream.refused import Refusals
from workers.topics import Topics


def checked(file: Path, scenario: str) -> tuple[bytes, Rules]:
    """A file's bytes and the rules that they are; raises `ConfigurationError` that says what to change."""
    try:
        value = file.read_bytes()
        _, rules = decode_rules(value, scenario.encode())
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}") from error
    except BadRecordError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    assert rules is not None, "only a record without a value takes rules away"
    return value, rules


async def publish(settings: Settings, options: ClientOptions, scenario: str, value: bytes | None) -> None:
    """Put rules in force for a scenario, None takes them away; returns when Kafka has acknowledged them."""
    topic, key = Topics(settings.topic_prefix).recommendation_rules, scenario.encode()
    try:
        scenario_of(key)
    except BadRecordError as error:
        raise ConfigurationError(str(error)) from error
    async with topic_reader(options) as reader:
        await reader.ranges(topic)  # says so if there is no such topic: sending could create it
    try:
        producer = await connect(lambda: AIOKafkaProducer(**options, acks="all"), patience_s=0)
    except (KafkaError, OSError) as error:
        raise await refusal(options) or unreachable(options, error) from error
    try:
        await producer.send_and_wait(topic, value, key=key, partition=0)
    except KafkaError as error:
        raise DependencyError(f"the rules were not acknowledged ({plain(error)}): put them again") from error
    finally:
        await disconnect(producer)


async def read_rules(settings: Settings, options: ClientOptions) -> tuple[dict[str, Rules], Refusals]:
    """The rules of each scenario by its name, as a worker that reads the topic now has them, and what it skips."""
    found: dict[str, Rules] = {}

    def apply(record: Record) -> None:
        name, rules = decode_rules(record.value, record.key)
        found.pop(name, None)
        if rules is not None:
            found[name] = rules

    async with topic_reader(options) as reader:
        refused = await read_guidance(reader, Topics(settings.topic_prefix).recommendation_rules, apply)
    return dict(sorted(found.items())), refused


def rules_table(found: dict[str, Rules]) -> Table:
    """One line a scenario."""
    table = Table(title="Rules in force")
    for column in ("scenario", "rules", "note"):
        table.add_column(column, overflow="fold")
    for name, rules in found.items():
        table.add_row(shown(name), shown(summary(rules), 500), shown(rules.note, 200))
    return table


def summary(rules: Rules) -> str:
    """What rules say, on one line: each field as its JSON.

    >>> summary(Rules(diversity=0.3, caps={"*": 2}))
    'diversity 0.3, caps {"*":2}'
    """
    named = rules.model_dump_json(exclude_unset=True, exclude={"note"})
    said = Rules.model_validate_json(named)
    parts = [(name, said.model_dump_json(exclude_unset=True, include={name})) for name in Rules.model_fields]
    return ", ".join(f"{name} {text[len(name) + 4 : -1]}" for name, text in parts if text != "{}") or "nothing"
