"""What `tastestream dlq` does (touches Kafka and the console)."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition
from rich.console import Console

from workers.admin.bars import rate_bar
from workers.admin.dead_letters.filters import LetterFilter
from workers.admin.dead_letters.letter import Letter
from workers.admin.dead_letters.replay import why_not
from workers.admin.dead_letters.sender import LetterSender, letter_sender
from workers.admin.dead_letters.show import counts_table, letter_view, letters_table
from workers.admin.dead_letters.store import letter_ranges, read_letter, read_letters, read_replayed
from workers.admin.dead_letters.summary import Summary
from workers.stream.bounded_read import Range, TopicReader, topic_reader
from workers.stream.connect import ClientOptions
from workers.stream.topic_admin import ensure_topics
from workers.topics import Topics

Ranges = Mapping[TopicPartition, Range]


@dataclass(frozen=True, slots=True)
class DeadLetterService:
    """Where letters are, and where a person sees them; `bars` is None without a terminal."""

    options: ClientOptions
    topics: Topics
    replication_factor: int
    answers: Console
    bars: Console | None


async def list_letters(service: DeadLetterService, wanted: LetterFilter, limit: int) -> None:
    """Print counts by topic and reason, and the newest letters that were not replayed."""
    summary = Summary(deque(maxlen=limit))
    async with topic_reader(service.options) as reader:
        done = await read_replayed(reader, service.topics)
        ranges = await letter_ranges(reader, service.topics, wanted.since_ms)
        async for letter in _matching(service, reader, ranges, wanted):
            summary.add(letter, str(letter.position) in done)
    _print(service.answers, summary)


async def show_letter(service: DeadLetterService, partition: int, offset: int) -> Letter | None:
    """Print one letter whole; None if there is none of that name."""
    async with topic_reader(service.options) as reader:
        letter = await read_letter(reader, service.topics, partition, offset)
    if letter is not None:
        service.answers.print(letter_view(letter, why_not(letter, service.topics)), soft_wrap=True)
    return letter


async def replay_letters(
    service: DeadLetterService, wanted: LetterFilter, rate: float, limit: int, agreed: Callable[[int], bool]
) -> int:
    """Print what would be replayed and, if `agreed` with their number, replay it; how many were.

    Letters that come meanwhile wait for the next time, else one that fails again would be replayed for ever.
    """
    async with topic_reader(service.options) as reader:
        done = await read_replayed(reader, service.topics)
        ranges = await letter_ranges(reader, service.topics, wanted.since_ms)
        plan = await _plan(service, reader, ranges, wanted, done, limit)
        _print(service.answers, plan)
        if not plan.open or not agreed(plan.open):
            return 0
        await ensure_topics(service.options, service.topics.letter_specs(), service.replication_factor)
        async with letter_sender(service.options, service.topics, rate) as sender:
            letters = read_letters(reader, service.topics, ranges, lambda _: None)
            return await _send(service, _open(service, letters, wanted, done), sender, plan.open)


async def _plan(
    service: DeadLetterService, reader: TopicReader, ranges: Ranges, wanted: LetterFilter, done: set[str], limit: int
) -> Summary:
    plan = Summary(deque(maxlen=limit))
    async for letter in _matching(service, reader, ranges, wanted):
        if str(letter.position) not in done:
            problem = why_not(letter, service.topics)
            if problem:
                plan.refusals[problem] += 1
            else:
                plan.add(letter, was_replayed=False)
    return plan


async def _open(
    service: DeadLetterService, letters: AsyncIterator[Letter], wanted: LetterFilter, done: set[str]
) -> AsyncIterator[Letter]:
    """Letters to send, each refused record once: after a crash of a worker there may be two letters about it."""
    async for letter in letters:
        position = str(letter.position)
        if position not in done and wanted.passes(letter) and not why_not(letter, service.topics):
            done.add(position)
            yield letter


async def _send(service: DeadLetterService, letters: AsyncIterator[Letter], sender: LetterSender, total: int) -> int:
    sent, batch = 0, list[Letter]()

    async def flush() -> None:
        nonlocal sent
        problems = await sender.send(batch)
        sent += len(batch) - len(problems)
        for problem in problems:
            service.answers.print(problem, markup=False)
        bar.advance(task, len(batch))
        batch.clear()

    with rate_bar(service.bars) as bar:
        task = bar.add_task("replayed", total=total)
        async for letter in letters:
            batch.append(letter)
            if len(batch) == sender.batch:
                await flush()
        if batch:
            await flush()
    return sent


async def _matching(
    service: DeadLetterService, reader: TopicReader, ranges: Ranges, wanted: LetterFilter
) -> AsyncIterator[Letter]:
    with rate_bar(service.bars) as bar:
        task = bar.add_task("letters read", total=sum(end - start for start, end in ranges.values()))
        async for letter in read_letters(reader, service.topics, ranges, lambda count: bar.advance(task, count)):
            if wanted.passes(letter):
                yield letter


def _print(answers: Console, summary: Summary) -> None:
    if not summary.groups and not summary.refusals:
        answers.print("no such letters")
        return
    answers.print(counts_table(summary, answers.width))
    if summary.newest:
        answers.print(letters_table(reversed(summary.newest), answers.width))
    for problem, count in summary.refusals.items():
        answers.print(f"{count} can't be replayed: {problem}", markup=False)
