"""Which letters are meant (no I/O)."""

from dataclasses import dataclass

from workers.admin.dead_letters.letter import Letter


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """What a letter must be; an empty field lets all pass.

    `since_ms`, `until_ms`: when it was refused, epoch ms, the latter excluded. `topics`, `partition`: where the
    refused record is. `text`: somewhere in its value or in the error's message, whatever the case.
    """

    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    partition: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    key: bytes | None = None
    text: str = ""
    max_attempt: int | None = None
    names: frozenset[str] = frozenset()

    def passes(self, letter: Letter) -> bool:
        """Whether the letter is meant."""
        return (
            (not self.names or letter.name in self.names)
            and (not self.reasons or letter.reason in self.reasons)
            and (not self.topics or letter.position.topic in self.topics)
            and (self.partition is None or letter.position.partition == self.partition)
            and (self.since_ms is None or letter.refused_at_ms >= self.since_ms)
            and (self.until_ms is None or letter.refused_at_ms < self.until_ms)
            and (self.key is None or letter.key == self.key)
            and (self.max_attempt is None or letter.attempt <= self.max_attempt)
            and (not self.text or _mentions(letter, self.text))
        )


def _mentions(letter: Letter, text: str) -> bool:
    wanted = text.casefold()
    value = (letter.value or b"").decode(errors="replace")
    return wanted in letter.message.casefold() or wanted in value.casefold()
