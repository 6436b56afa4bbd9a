"""Counts of letters by what a person decides on, and the newest of them (no I/O)."""

from collections import Counter, deque
from dataclasses import dataclass, field

from workers.admin.dead_letters.letter import Letter


@dataclass(slots=True)
class Group:
    """Letters of one reason on one topic."""

    open: int = 0
    replayed: int = 0
    most_attempts: int = 0
    first_ms: int = 0
    last_ms: int = 0

    def add(self, letter: Letter, was_replayed: bool) -> None:
        """Count one letter."""
        if was_replayed:
            self.replayed += 1
        else:
            self.open += 1
        self.most_attempts = max(self.most_attempts, letter.attempt)
        self.first_ms = min(self.first_ms or letter.refused_at_ms, letter.refused_at_ms)
        self.last_ms = max(self.last_ms, letter.refused_at_ms)


@dataclass(slots=True)
class Summary:
    """What the letters of one listing are; `newest` holds at most as many as are shown, oldest first."""

    newest: deque[Letter]
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)

    def add(self, letter: Letter, was_replayed: bool) -> None:
        """Count one letter, and keep it if it may be shown."""
        self.groups.setdefault((letter.position.topic, letter.reason), Group()).add(letter, was_replayed)
        if not was_replayed:
            self.newest.append(letter)

    @property
    def open(self) -> int:
        """Letters that were not replayed."""
        return sum(group.open for group in self.groups.values())
