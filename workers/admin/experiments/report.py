"""What came of experiments, out of the topics themselves (touches Kafka): nothing runs beside the workers for it.

Two bounded reads: `recommendations-served`, then `user-interactions`. Memory is bounded by a sample of users.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition
from rich.console import Console

from workers.admin.bars import rate_bar
from workers.admin.experiments.columns import Sample
from workers.admin.experiments.judge import Defined, Verdict, experiments_in, judge, outcomes_of
from workers.admin.experiments.outcomes import Counted, OutcomeReader
from workers.admin.experiments.service import read_definitions
from workers.control.definitions import Definitions
from workers.errors import ConfigurationError
from workers.runtime.source_mapping import mappings_of
from workers.settings import Settings
from workers.stream.bounded_read import Range, TopicReader, spoken, topic_reader
from workers.stream.chunk import Record
from workers.stream.security import client_options
from workers.topics import Topics

MOST_HELD = 2_000_000
"""Items shown, and items acted on, that are held at once: 250 bytes each at the peak, half a gigabyte."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about; `kinds`: CLICK or PURCHASE by type of event."""

    kinds: Mapping[str, int]
    experiment: str | None = None
    since_ms: int | None = None
    window_ms: int = 24 * 3_600_000
    most_held: int = MOST_HELD


@dataclass(frozen=True, slots=True)
class Report:
    """Verdicts by name; `share` of the users that they are about, and what was read."""

    verdicts: tuple[Verdict, ...]
    share: float
    counted: Counted
    asked: Asked


async def report(settings: Settings, asked: Asked, bars: Console | None = None) -> Report:
    """Judge one experiment, or all that answers name; raises `ConfigurationError` for an unknown one."""
    topics = Topics(settings.topic_prefix)
    sample = Sample(asked.most_held)
    mapping = mappings_of(settings).interaction
    outcomes = OutcomeReader(sample, asked.kinds, settings.future_tolerance_ms, mapping)
    async with topic_reader(client_options(settings)) as reader:
        definitions, _ = await read_definitions(reader, topics)
        for topic, take in (
            (topics.recommendations_served, outcomes.served),
            (topics.user_interactions, outcomes.event),
        ):
            await _read(reader, await _ranges(reader, topic, asked.since_ms), take, topic, bars)
    labels = outcomes.labels
    chosen = _chosen(asked, definitions, experiments_in(labels))
    came = outcomes_of(sample, asked.window_ms)
    verdicts = tuple(judge(one, came, labels) for one in chosen)
    return Report(verdicts, sample.share, outcomes.counted, asked)


def _chosen(asked: Asked, definitions: Definitions, answered: set[str]) -> list[Defined]:
    known = [
        *(Defined(name, "running", one) for name, one in definitions.current.items()),
        *(Defined(name, "ended", one) for name, one in definitions.ended.items()),
    ]
    unknown = sorted(answered - {one.name for one in known})
    every = [*known, *(Defined(name, "gone") for name in unknown)]
    if asked.experiment is None:
        return every
    found = [one for one in every if one.name == asked.experiment]
    if not found:
        raise ConfigurationError(
            f"there is no experiment {asked.experiment!r} and no answer of it: `tastestream experiment show` lists all"
        )
    return found


async def _ranges(reader: TopicReader, topic: str, since_ms: int | None) -> Mapping[TopicPartition, Range]:
    ranges = await reader.ranges(topic)
    return ranges if since_ms is None else await reader.since(ranges, since_ms)


async def _read(
    reader: TopicReader,
    ranges: Mapping[TopicPartition, Range],
    take: Callable[[Record], None],
    topic: str,
    bars: Console | None,
) -> None:
    with rate_bar(bars) as bar:
        task = bar.add_task(topic, total=sum(end - start for start, end in ranges.values()))
        async for batch in spoken(reader, ranges):
            for record in batch:
                take(record)
            bar.advance(task, len(batch))
