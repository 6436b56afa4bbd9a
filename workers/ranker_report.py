"""What the workers have learned, read from the topic of weights and shown as a table."""

import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Group
from rich.table import Table

from models.ranker_weights import BUCKETS, RankerWeights, average, start_values, table_of
from workers.bounded_read import require_topics
from workers.errors import ConfigurationError
from workers.security import client_options
from workers.settings import Settings
from workers.shared_weights import hear
from workers.stream.connect import connect, disconnect
from workers.stream.ends import read_from_start
from workers.topics import Topics

PATIENCE_S = 10.0
# Below it a weight moved by less than one part in ten of what the fixed weights have for a strong source.
MOVED = 0.2

_MEANING = """\
Each figure says what the best candidate of a source gains in logits, against one that the source does not know:
+1 multiplies its odds by 2.7, 0 says that the source does not matter. A request adds up three columns: always,
the time since the user's last event, the length of their history.
[bold]Bold[/bold]: learned, 0.2 or more away from the start."""


async def read_report(settings: Settings) -> Group:
    """The table, what it means, and how much was learned; raises `ConfigurationError` if nothing was yet."""
    topic = Topics(settings.topic_prefix).ranker_weights
    await require_topics(client_options(settings), topic)
    heard = await read_weights(settings, topic)
    if not heard:
        raise ConfigurationError(f"nothing was learned yet: {topic} is empty (workers publish after some choices)")
    newest = max(weights.time_ms for weights in heard.values())
    first, *others = heard.values()
    examples = sum(weights.examples for weights in heard.values())
    age_s = max(0.0, time.time() - newest / 1000)
    learned = f"{len(heard)} workers, {examples:,} choices learned, the last one {age_s:,.0f} s ago"
    return Group(weights_table(average(first, others, newest)), learned, _MEANING)


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


def weights_table(weights: RankerWeights) -> Table:
    """Sources as rows, situations as columns; what differs from the start is bold."""
    start = dict(table_of(RankerWeights(values=start_values())))
    table = Table(title="What the ranker has learned (logits)")
    table.add_column("source")
    for bucket in BUCKETS:
        table.add_column(bucket, justify="right")
    for source, gains in table_of(weights):
        cells = [_cell(gain, gain - start[source][bucket]) for bucket, gain in gains.items()]
        table.add_row(source, *cells)
    return table


def _cell(gain: float, moved: float) -> str:
    text = f"{gain:+.1f}" if abs(gain) >= 0.05 else "·"
    return f"[bold]{text}[/bold]" if abs(moved) >= MOVED else text
