"""Which version is in which slot, and which one answers: the records of `item-vectors-versions` (no I/O)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from workers.collaborative.slots import SLOTS
from workers.errors import ConfigurationError

ACTIVE = "active"
"""Key of the pointer; the other keys are slots."""


@dataclass(frozen=True, slots=True)
class Version:
    """What is in a slot: `version` is when it was made, epoch ms; `ends`: offset after its last record, by partition.

    `ready`: all of it was published; until then the slot can't answer.
    """

    version: int
    slot: str
    source: str
    items: int
    with_vector: int = 0
    ready: bool = False
    ends: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pointer:
    """The version that answers, and the one before it; None: answers do without."""

    active: int | None = None
    previous: int | None = None


@dataclass(slots=True)
class Versions:
    """All that the topic says; the last record of each key counts."""

    slots: dict[str, Version] = field(default_factory=dict)
    pointer: Pointer = Pointer()

    def load(self, key: bytes | None, value: bytes | None) -> None:
        """Take one record; raises ValueError for one that is none of ours."""
        name = (key or b"").decode(errors="replace")
        try:
            read: dict[str, Any] = orjson.loads(value or b"null")
            if name == ACTIVE:
                self.pointer = Pointer(_number(read["active"]), _number(read["previous"]))
            elif name in SLOTS and read["slot"] == name:
                self.slots[name] = Version(**read)
            else:
                raise ValueError("no such key")
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"record of {name[:64]!r} can't be read: {error}") from error

    def active_slot(self) -> str | None:
        """The slot that answers; None without one."""
        found = self.of(self.pointer.active)
        return found.slot if found is not None and found.ready else None

    def free_slot(self) -> str:
        """The slot to fill next: never the one that answers, if possible one that nothing goes back to."""
        free = [slot for slot in SLOTS if slot != self.active_slot()]
        return min(free, key=lambda slot: (slot in self.slots, self.slots[slot].version if slot in self.slots else 0))

    def of(self, version: int | None) -> Version | None:
        """The version, if a slot still holds it."""
        return next((held for held in self.slots.values() if held.version == version), None)

    def activated(self, version: int) -> Pointer:
        """The pointer to a version; raises `ConfigurationError` if no slot holds all of it."""
        found = self.of(version)
        if found is None or not found.ready:
            state = "is not complete" if found else "is in no slot"
            raise ConfigurationError(f"version {version} {state}: `tastestream retrain list` shows what there is")
        if version == self.pointer.active:
            return self.pointer
        return Pointer(version, self.pointer.active)

    def rolled_back(self) -> Pointer:
        """The pointer to what answered before, which may be nothing; raises `ConfigurationError` if that is gone."""
        if self.pointer == Pointer():
            raise ConfigurationError("nothing was ever activated: there is nothing to go back from")
        if self.pointer.previous is None:
            return Pointer(None, self.pointer.active)
        return replace(self.activated(self.pointer.previous), previous=self.pointer.active)


def encode(record: Version | Pointer) -> bytes:
    """Value of a record."""
    return orjson.dumps(asdict(record))


def _number(value: object) -> int | None:
    if value is None or isinstance(value, int):
        return value
    raise ValueError(f"{value!r} is no version")
