"""What a command asked for, in the terms of `workers/admin/dead_letters/run.py` (reads the settings)."""

from workers.admin.console import answers, for_bars
from workers.admin.dead_letters.filters import LetterFilter
from workers.admin.dead_letters.run import DeadLetterService
from workers.settings import load_settings
from workers.stream.security import client_options
from workers.topics import Topics


def dead_letter_service() -> DeadLetterService:
    """The dead letters of the service that the environment names."""
    settings = load_settings()
    return DeadLetterService(
        client_options(settings),
        Topics(settings.topic_prefix),
        settings.replication_factor,
        answers(),
        for_bars(),
    )


def letter_filter(
    topics: Topics,
    reasons: list[str] | None,
    sources: list[str] | None,
    partition: int | None,
    since_ms: int | None,
    until_ms: int | None,
    key: str | None,
    text: str,
    max_attempt: int | None,
    names: frozenset[str] = frozenset(),
) -> LetterFilter:
    """The filter; topics may be named with the prefix or without."""
    return LetterFilter(
        reasons=frozenset(reasons or ()),
        topics=frozenset(name for one in sources or () for name in (one, topics.prefix + one)),
        partition=partition,
        since_ms=since_ms,
        until_ms=until_ms,
        key=None if key is None else key.encode(),
        text=text,
        max_attempt=max_attempt,
        names=names,
    )
