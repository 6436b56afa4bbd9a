"""Names of events that are ignored instead of refused: those of other systems, and a deployment's own patterns."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workers.records.aliases import EVENT_TYPES, IGNORED_EVENTS, MAX_NAME_CHARS, PERSON_TYPES, looked_up

MAX_PATTERNS = 256

_VERSION = re.compile(r"v?\d+")


@dataclass(frozen=True, slots=True)
class IgnoredEvents:
    """Names, and patterns with `*`, in the form of `looked_up`; only names without a meaning are looked up here.

    `own`: those of the deployment, as they were given.
    """

    own: tuple[str, ...]
    names: frozenset[str]
    pattern: re.Pattern[str]

    def holds(self, name: str) -> bool:
        """Whether an event of this name is to be ignored; of a dotted name the last part that is no version, too.

        >>> BUILT_IN.holds("Video Playback Started"), BUILT_IN.holds("com.example.page_view.v1")
        (True, True)
        >>> BUILT_IN.holds("teleport")
        False
        """
        whole = looked_up(name)
        last = next((part for part in reversed(whole.split(".")) if not _VERSION.fullmatch(part)), whole)
        return any(form in self.names or self.pattern.fullmatch(form) is not None for form in {whole, last})


def ignored_events(patterns: Iterable[str] = ()) -> IgnoredEvents:
    """The built-in names and these; raises `ValueError` for a name that has a meaning, or too many or long ones.

    >>> ignored_events(["heartbeat", "Debug *"]).holds("debug-tick")
    True
    """
    own = tuple(dict.fromkeys(patterns))
    if len(own) > MAX_PATTERNS:
        raise ValueError(f"{len(own)} patterns of events to ignore are too many, at most {MAX_PATTERNS}")
    every = (*IGNORED_EVENTS, *map(_form, own))
    wild = [_expression(one) for one in every if "*" in one]
    return IgnoredEvents(own, frozenset(one for one in every if "*" not in one), re.compile("|".join(wild), re.DOTALL))


def patterns_of(text: str) -> tuple[str, ...]:
    """Patterns as a setting has them: separated by commas.

    >>> patterns_of("video_*, heartbeat")
    ('video_*', 'heartbeat')
    """
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _form(pattern: str) -> str:
    if not 0 < len(pattern) < MAX_NAME_CHARS:
        raise ValueError(f"{pattern[:64]!r} is no pattern of events: use 1 to {MAX_NAME_CHARS - 1} characters")
    form = looked_up(pattern)
    if form in EVENT_TYPES or form in PERSON_TYPES:
        raise ValueError(f"{pattern!r} is an event type and never ignored: leave it out")
    return form


def _expression(pattern: str) -> str:
    return ".*".join(map(re.escape, re.split(r"\*+", pattern)))


BUILT_IN = ignored_events()
