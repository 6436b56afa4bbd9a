"""What the workers have learned, read from the topic of weights and shown as a table."""

import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Group
from rich.table import Table

from models.ranker_weights import BUCKETS, RankerWeights, average, start_values, table_of
from workers.errors import ConfigurationError
from workers.plurals import counted
from workers.security import client_options
from workers.settings import Settings
from workers.shared_weights import hear
from workers.stream.connect import connect, disconnect
from workers.stream.ends import read_from_start
from workers.topics import Topics

PATIENCE_S = 10.0
# Below it a weight moved by less than one part in ten of what the fixed weights have for a strong source.
MOVED = 0.2

# One line each: the terminal breaks them where it ends.
_MEANING = (
    "Each figure says what the best candidate of a source gains in logits, against one that the source does not know: "
    "+1 multiplies its odds by 2.7, 0 says that the source does not matter. A request adds up three columns: always, "
    "the gap (time since the user's last event) and the history (how many events are kept of the user). "
    "[bold]Bold[/bold]: learned, 0.2 or more away from the start."
)
GAP, HISTORY = "gap ", "history "


async def read_report(settings: Settings) -> Group:
    """The table, what it means, and how much was learned; raises `ConfigurationError` if nothing was yet."""
    topic = Topics(settings.topic_prefix).ranker_weights
    heard = await read_weights(settings, topic)
    if not heard:
        raise ConfigurationError(f"nothing was learned yet: {topic} is empty (workers publish after some choices)")
    newest = max(weights.time_ms for weights in heard.values())
    first, *others = heard.values()
    examples = sum(weights.examples for weights in heard.values())
    age_s = max(0.0, time.time() - newest / 1000)
    learned = f"{counted(len(heard), 'worker')}, {counted(examples, 'choice')} learned, the last one {age_s:,.0f} s ago"
    return Group(weights_tables(average(first, others, newest)), learned, _MEANING)


async def read_weights(settings: Settings, topic: str) -> dict[str, RankerWeights]:
    """What each worker published last, by worker; what can't be read is left out."""
    partition = TopicPartition(topic, 0)
    options = client_options(settings)
    consumer = await connect(lambda: AIOKafkaConsumer(**options, enable_auto_commit=False), patience_s=PATIENCE_S)
    heard: dict[str, RankerWeights] = {}
    try:
        await hear(consumer, partition, await read_from_start(consumer, partition), heard)
    finally:
        await disconnect(consumer)
    return heard


def weights_tables(weights: RankerWeights) -> Group:
    """Sources as rows, situations as columns, in two tables of at most 80 characters; what was learned is bold."""
    gaps = [bucket for bucket in BUCKETS if not bucket.startswith(HISTORY)]
    histories = [bucket for bucket in BUCKETS if bucket.startswith(HISTORY)]
    return Group(
        _table("What the ranker has learned (logits), by the gap since the last event", weights, gaps, GAP),
        _table("… and by the events in the history", weights, histories, HISTORY),
    )


def _table(title: str, weights: RankerWeights, buckets: Sequence[str], said: str) -> Table:
    """The columns without `said`, which the title says."""
    start = dict(table_of(RankerWeights(values=start_values())))
    table = Table(title=title, title_justify="left")
    table.add_column("source", no_wrap=True)
    for bucket in buckets:
        table.add_column(bucket.removeprefix(said), justify="right", no_wrap=True)
    for source, gains in table_of(weights):
        cells = [_cell(gains[bucket], gains[bucket] - start[source][bucket]) for bucket in buckets]
        table.add_row(source, *cells)
    return table


def _cell(gain: float, moved: float) -> str:
    text = f"{gain:+.1f}" if abs(gain) >= 0.05 else "·"
    return f"[bold]{text}[/bold]" if abs(moved) >= MOVED else text
