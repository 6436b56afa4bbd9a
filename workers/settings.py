"""The one file that reads the environment: every setting with its unit, default and bounds."""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from models.state.events import EVENT_WEIGHTS
from workers.errors import ConfigurationError
from workers.messages.misspelt import misspelt
from workers.records.codecs import Codec
from workers.records.ignored import ignored_events, patterns_of
from workers.records.interaction import DEFAULT_FUTURE_TOLERANCE_MS
from workers.records.json_words import in_json_words
from workers.records.scale import rating_scale
from workers.topics import MAX_PARTITIONS

PREFIX = "TASTESTREAM_"
_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\])(:(?P<port>\d{1,5}))?")

Partitions = Annotated[int, Field(ge=1, le=MAX_PARTITIONS)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Rows = Annotated[int, Field(ge=1, le=1_000_000_000)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


# Beyond it one event would drown a whole history; a dislike is below zero.
MAX_WEIGHT = 1_000
Weight = Annotated[float, Field(ge=-MAX_WEIGHT, le=MAX_WEIGHT, allow_inf_nan=False)]


def _with_defaults(weights: dict[str, float]) -> dict[str, float]:
    if unknown := sorted(weights.keys() - EVENT_WEIGHTS.keys()):
        raise ValueError(f"{unknown[0][:64]!r} has no weight, use {', '.join(EVENT_WEIGHTS)}")
    return {**EVENT_WEIGHTS, **weights}


def _is_scale(text: str) -> str:
    rating_scale(text)
    return text


def _are_patterns(text: str) -> str:
    ignored_events(patterns_of(text))
    return text


def _addresses(servers: str) -> str:
    for server in servers.split(","):
        found = _ADDRESS.fullmatch(server.strip())
        if found is None or not 0 < int(found["port"] or 1) < 65536:
            raise ValueError(f"{server[:64]!r} is no address of a broker, use host:port")
    return servers


class Settings(BaseSettings):
    """A worker's configuration, fixed from its start."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    bootstrap_servers: Annotated[str, AfterValidator(_addresses)] = Field(
        "127.0.0.1:9092", min_length=1, description="Kafka, host:port, comma-separated"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how Kafka is spoken to: SSL encrypts, SASL logs in"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="how to log in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    sasl_username: str | None = Field(None, min_length=1, description="user name at Kafka")
    sasl_password: SecretStr | None = Field(None, min_length=1, description="password at Kafka; never shown")
    ssl_ca_file: Path | None = Field(
        None, description="PEM file of who signs brokers; defaults to the system trust store"
    )
    ssl_cert_file: Path | None = Field(None, description="PEM file of our own certificate, if brokers ask for one")
    ssl_key_file: Path | None = Field(None, description="PEM file of its private key, not encrypted")
    topic_prefix: str = Field("", pattern=r"^[a-zA-Z0-9._-]{0,200}$", description="put before every topic's name")
    app_id: str = Field(
        "tastestream",
        pattern=r"^[a-zA-Z0-9._-]{1,200}$",
        description="consumer group of all workers of one service",
    )
    user_partitions: Partitions = Field(8, description="partitions of the topics keyed by user")
    item_partitions: Partitions = Field(8, description="partitions of the topics keyed by item")
    replication_factor: int = Field(1, ge=1, le=32767, description="copies of each topic that is created")

    instance_id: str | None = Field(
        None,
        description="name of this worker in its group, for restarts without a rebalance (static membership)",
    )
    patience_s: Seconds = Field(60.0, description="seconds to wait for a broker that is not there, or went away")

    compression: Codec = Field(
        "zstd",
        description="codec of state and evidence on their way to Kafka: none, gzip, snappy, lz4 or zstd",
    )

    data_path: Path = Field(Path(".state"), description="folder of the worker's own files")
    index_kind: Literal["edge", "memory", "server"] = Field(
        "edge", description="Qdrant in process, exact search in memory, or a Qdrant server that workers share"
    )
    qdrant_url: str = Field(
        "http://127.0.0.1:6334", min_length=1, description="Qdrant server, http(s)://host:port of its gRPC port"
    )
    qdrant_api_key: SecretStr | None = Field(None, description="API key of the Qdrant server")
    qdrant_ca_file: Path | None = Field(
        None, description="authorities (PEM) that may have signed the Qdrant server's certificate; none: the system's"
    )
    qdrant_collection: str = Field(
        "tastestream", pattern=r"^[a-zA-Z0-9._-]{1,200}$", description="collection on the Qdrant server"
    )
    qdrant_timeout_ms: int = Field(
        200,
        ge=50,
        le=5000,
        description="milliseconds that an answer waits for the Qdrant server before it does without",
    )

    compared_items: int = Field(
        16_384,
        ge=0,
        le=1_000_000,
        description="catalogs of up to so many items are searched for likeness in memory, 0.1 ms a thousand, "
        "larger ones in the index",
    )

    web_bind: str = Field("127.0.0.1", description="address of the web server; 0.0.0.0 in a container")
    web_port: int = Field(6066, ge=1, le=65535, description="port of /metrics, /healthz, /readyz")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severe line logged")

    chunk_records: Count = Field(512, description="most records handed to an agent at once")
    chunks_out: Count = Field(2, description="most chunks of one partition that agents hold at once")
    commit_interval_s: Seconds = Field(0.5, description="seconds between commits of offsets")
    session_timeout_s: float = Field(
        10.0, ge=6, le=300, description="seconds until a silent worker's partitions go to another"
    )
    watchdog_s: Seconds = Field(
        20.0, description="seconds without any progress, or with a blocked event loop, until the worker ends itself"
    )
    snapshot_s: Seconds = Field(
        5.0, description="seconds between writes of items' counts: so much is folded again after a crash"
    )
    future_tolerance_ms: int = Field(
        DEFAULT_FUTURE_TOLERANCE_MS,
        ge=0,
        description="milliseconds an event may lie after its record before it is moved back to it",
    )

    max_users: Rows = Field(1_000_000, description="most users and guests a worker keeps (docs/memory.md)")
    max_items: Rows = Field(1_000_000, description="most items of the whole catalog, unknown ones included")
    max_unknown_items: Rows = Field(100_000, description="most items with events that the catalog does not have")
    max_pairs: Rows = Field(
        10_000_000, description="pairs of items counted without loss; beyond, rows keep their 200 largest"
    )

    mapping_file: Path | None = Field(
        None, description="what other names in your records mean: a file that `tastestream schema detect` writes"
    )
    event_weights: Annotated[dict[str, Weight], AfterValidator(_with_defaults)] = Field(
        {}, validate_default=True, description='weights of event types that differ, as JSON: `{"click": 1.5}`'
    )
    rating_scale: Annotated[str, AfterValidator(_is_scale)] = Field(
        "0.5-5",
        description="ends of your ratings' scale: `1-10`, `-1..1`, `0/1`, or `percent`, `thumbs`; ratings become stars",
    )
    ignored_events: Annotated[str, AfterValidator(_are_patterns)] = Field(
        "", description="event names without a meaning that leave no dead letter, comma-separated: `heartbeat,debug_*`"
    )
    vector_dim: int = Field(
        256, ge=8, le=4096, description="dimensions of an item's embedding: the client's own, or hashed text"
    )
    collaborative_dim: int = Field(
        64, ge=8, le=512, description="dimensions of the item vectors that `tastestream retrain` learns"
    )
    similar_share: float = Field(
        0.7, ge=0, le=1, description="share of what people do in similar items, 0 to 1; the rest is what items are like"
    )
    precomputed_file: Path | None = Field(
        None, description="lists of `tastestream precompute` (.parquet or .jsonl) for requests that ask for them"
    )
    ranker: Literal["online", "fixed"] = Field("online", description="weights learned from choices, or fixed ones")
    learn_per_s: float = Field(50.0, ge=0, le=10_000, description="most choices learned from in a second, 0 for none")
    learn_cpu_share: float = Field(0.05, gt=0, le=1, description="most of one core spent on learning, 0 to 1")
    weights_interval_s: Seconds = Field(10.0, description="seconds between exchanges of the ranker's weights")
    diversity: float = Field(0.0, ge=0, le=1, description="diversity of a request that names none, 0 to 1")
    explore: float = Field(
        0.0, ge=0, le=1, description="share of the places in a user's list that items with few events get, 0 to 1"
    )


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, overrides by name; raises ConfigurationError naming the variable."""
    problems = list(misspelt(os.environ, PREFIX, {_variable(name) for name in Settings.model_fields}))
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems += [f"{_variable(str(one['loc'][0]))}: {in_json_words(one['msg'])}" for one in found]
    except SettingsError as error:
        problems.append(_not_json(error))
    if problems:
        raise ConfigurationError("; ".join(problems) + " (`tastestream settings` lists them all)")
    return settings


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _not_json(error: SettingsError) -> str:
    """Which variable is meant stands in the text of the error alone."""
    named = [name for name in Settings.model_fields if f'"{name}"' in str(error)]
    return f"{', '.join(map(_variable, named))}: this is not JSON ({error.__cause__})"


def plain_text(value: Any) -> str:
    """A setting as its environment variable says it, a secret included."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, dict) else str(value)


def settings_table() -> str:
    """The table of settings for the documentation, as Markdown."""
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    rows += [f"| `{variable}` | {default} | {meaning} |" for variable, default, meaning in settings_rows()]
    return "\n".join(rows) + "\n"


def settings_rows() -> list[tuple[str, str, str]]:
    """Variable, default and meaning of each setting."""
    fields = Settings.model_fields.items()
    return [(f"{PREFIX}{name.upper()}", _shown(field.default), field.description or "") for name, field in fields]


def _shown(default: Any) -> str:
    if default is None:
        return "none"
    return f"`{default}`" if str(default) else "empty"
