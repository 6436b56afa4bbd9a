"""Which version is in which slot, and which one answers: the records of `item-vectors-versions` (no I/O)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, TypeVar

import orjson
from pydantic import Field, Strict, StrictBool, StrictStr, TypeAdapter, ValidationError

from workers.errors import BadRecordError, ConfigurationError
from workers.items.slots import SLOTS
from workers.records.codes import Reason
from workers.records.times import LATEST_MS
from workers.records.wire import parse_object

ACTIVE = "active"
"""Key of the pointer; the other keys are slots."""

Made = Annotated[int, Strict(), Field(ge=0, lt=LATEST_MS)]
Count = Annotated[int, Strict(), Field(ge=0, lt=2**63)]
PartitionNumber = Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Version:
    """What is in a slot: `version` is when it was made, epoch ms; `ends`: offset after its last record, by partition.

    `ready`: all of it was published; until then the slot can't answer.
    """

    version: Made
    slot: StrictStr
    source: Annotated[StrictStr, Field(max_length=256)]
    items: Count
    with_vector: Count = 0
    ready: StrictBool = False
    ends: Mapping[PartitionNumber, Count] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pointer:
    """The version that answers, and the one before it; None: answers do without."""

    active: Made | None = None
    previous: Made | None = None


@dataclass(slots=True)
class Versions:
    """All that the topic says; the last record of each key counts."""

    slots: dict[str, Version] = field(default_factory=dict)
    pointer: Pointer = Pointer()

    def load(self, key: bytes | None, value: bytes | None) -> None:
        """Take one record, null takes away what its key said; raises `BadRecordError` for one that is none of ours."""
        name = (key or b"").decode(errors="replace")
        if name not in (ACTIVE, *SLOTS):
            raise BadRecordError(Reason.INVALID_ID, f"{name[:64]!r} is no slot of vectors")
        if value is None:
            self._forget(name)
        elif name == ACTIVE:
            if not {"active", "previous"} <= parse_object(value).keys():
                raise BadRecordError(Reason.MISSING_FIELD, "the pointer names no active and previous version")
            self.pointer = _checked(_POINTER, name, value)
        else:
            found = _checked(_VERSION, name, value)
            if found.slot != name:
                raise BadRecordError(Reason.INVALID_ID, f"the record of slot {name} speaks of another one")
            self.slots[name] = found

    def _forget(self, name: str) -> None:
        if name == ACTIVE:
            self.pointer = Pointer()
        else:
            self.slots.pop(name, None)

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


def _checked(form: TypeAdapter[Found], name: str, value: bytes) -> Found:
    try:
        return form.validate_python(parse_object(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        position = ".".join(map(str, first["loc"]))[:64]
        problem = f"record of {name!r} can't be read: field {position}: {first['msg']}"
        raise BadRecordError(Reason.WRONG_TYPE, problem) from None


_VERSION: TypeAdapter[Version] = TypeAdapter(Version)
_POINTER: TypeAdapter[Pointer] = TypeAdapter(Pointer)
