"""What the workers have learned, read from the topic of weights and shown as a table."""

import time
from collections.abc import Sequence

from rich.console import Group
from rich.table import Table

from models.ranking.ranker_weights import BUCKETS, RankerWeights, average, start_values, table_of
from workers.control.shared_weights import HeardWeights
from workers.errors import ConfigurationError
from workers.messages.plurals import counted
from workers.settings import Settings
from workers.stream.bounded_read import read_guidance, topic_reader
from workers.stream.refused import Refusals
from workers.stream.security import client_options
from workers.topics import Topics

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


async def read_report(settings: Settings) -> tuple[Group, Refusals]:
    """The table, what it means, how much was learned, and what is left out of it.

    Raises `ConfigurationError` if nothing was learned yet.
    """
    topic, heard = Topics(settings.topic_prefix).ranker_weights, HeardWeights()
    async with topic_reader(client_options(settings)) as reader:
        refused = await read_guidance(reader, topic, heard.apply)
    if not heard.by_worker:
        raise ConfigurationError(f"nothing was learned yet: {_holds(topic, refused)}")
    learned = list(heard.by_worker.values())
    newest = max(weights.time_ms for weights in learned)
    examples = sum(weights.examples for weights in learned)
    age_s = max(0.0, time.time() - newest / 1000)
    text = f"{counted(len(learned), 'worker')}, {counted(examples, 'choice')} learned, the last one {age_s:,.0f} s ago"
    return Group(weights_tables(average(learned[0], learned[1:], newest)), text, _MEANING), refused


def _holds(topic: str, refused: Refusals) -> str:
    if not len(refused):
        return f"{topic} is empty (workers publish after some choices)"
    first = next(iter(refused))
    return f"{topic} holds only what can't be read, at {first.position}: {first.problem}"


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
