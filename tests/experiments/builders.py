"""Definitions that are valid by default."""

from typing import Any

import orjson
from aiokafka import TopicPartition

from tests.stream.builders import record_at
from workers.records.experiment import Experiment, decode_experiment
from workers.stream.chunk import Record

NOW_MS = 1_714_564_800_000


def definition(name: str = "trial", *variants: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Body of a definition; without variants: half of the users get a varied list."""
    halves = ({"name": "as-now"}, {"name": "varied", "settings": {"diversity": 0.5}})
    return {"name": name, "variants": list(variants or halves), **fields}


def experiment(name: str = "trial", *variants: dict[str, Any], **fields: Any) -> Experiment:
    """The definition, decoded."""
    return decode_experiment(orjson.dumps(definition(name, *variants, **fields)), name.encode())


def record(body: dict[str, Any] | bytes | None, key: bytes | None = b"trial", offset: int = 0) -> Record:
    """A record of the topic."""
    value = orjson.dumps(body) if isinstance(body, dict) else body
    return record_at(TopicPartition("experiments", 0), offset, key, value, NOW_MS, ())
