"""What a followed topic holds that can't be used: skipped, and kept to be shown until its key is healed (no I/O)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workers.records.codes import reason_of
from workers.stream.chunk import Record

MOST_KEPT = 1_000
"""Keys whose refusals are kept, 1 kB each; of more, those refused last. The metric counts all."""
MAX_KEY_CHARS, MAX_PROBLEM_CHARS = 64, 600


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the newest record of a key is not used."""

    position: str
    key: str
    reason: str
    problem: str


class Refusals:
    """The one rule for topics that workers follow for guidance: nothing on them ends a worker or a command.

    A record that can't be used is skipped, whatever went wrong with it. A later good one of its key heals it, and so
    does a null value, even where the key itself means nothing.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes | None, Refusal] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Refusal]:
        return iter(self._by_key.values())

    def take(self, record: Record, apply: Callable[[Record], None]) -> Exception | None:
        """Have `apply` use the record; returns why it could not be used, None if it was."""
        self._by_key.pop(record.key, None)
        try:
            apply(record)
        except Exception as error:  # a decoder's own fault, too, must not end each worker at each start
            if record.value is None:
                return None
            self._by_key[record.key] = _refusal(record, error)
            if len(self._by_key) > MOST_KEPT:
                del self._by_key[next(iter(self._by_key))]
            return error
        return None


def _refusal(record: Record, error: Exception) -> Refusal:
    key = (record.key or b"")[:MAX_KEY_CHARS].decode(errors="replace")
    position = f"{record.topic}/{record.partition}/{record.offset}"
    return Refusal(position, key, reason_of(error), str(error)[:MAX_PROBLEM_CHARS])
