"""What a user or guest is known to be: attributes and preferred categories, whatever the order in which they came."""

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from models.primitives.packing import Reader

MAX_BYTES = 32 * 1024
"""JSON of one profile with its moments: what one record may say (16 KiB) always fits. More would make each write of
its user's row slow."""

_CATEGORIES = ""  # no attribute can have this name
_SIZE = struct.Struct("<I")

Moment = tuple[int, int, int]
"""(time in epoch ms, partition, offset) of the record that says so: no two records share one."""


class Profile:
    """Latest known value of each attribute, and of the preferred categories.

    Each value keeps its moment and the newest wins, so orders of arrival commute, and a repeat or a late record
    changes nothing that is newer. A removed attribute leaves its moment behind, else a late record would bring it
    back. Past 32 KiB the values with the oldest moments go; only there does the order of arrival matter.

    >>> profile = Profile()
    >>> profile.learn((20, 0, 1), {"country": "NL", "age_group": None}, ("film",))
    >>> profile.learn((10, 0, 2), {"country": "FR", "age_group": "25-34"}, None)
    >>> profile.attributes, profile.preferred_categories
    ({'country': 'NL'}, ('film',))
    """

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[str, tuple[Moment, Any]] = {}

    def __len__(self) -> int:
        return len(self._values)

    @property
    def attributes(self) -> dict[str, Any]:
        """Text, number, true/false or a list of these, by name."""
        return {
            name: value
            for name, (_, value) in sorted(self._values.items())
            if name != _CATEGORIES and value is not None
        }

    @property
    def preferred_categories(self) -> tuple[str, ...]:
        """In the order in which they were given; empty when none were."""
        _, value = self._values.get(_CATEGORIES, (None, ()))
        return tuple(value)

    def learn(self, moment: Moment, attributes: Mapping[str, Any], categories: Iterable[str] | None) -> None:
        """Take what one record says: None removes an attribute, and None for `categories` leaves them."""
        for name, value in attributes.items():
            self._take(name, moment, list(value) if isinstance(value, tuple) else value)
        if categories is not None:
            self._take(_CATEGORIES, moment, list(categories))
        self._bound()

    def merge(self, other: "Profile") -> None:
        """Take what a guest's profile says, by its own moments."""
        for name, (moment, value) in other._values.items():
            self._take(name, moment, value)
        self._bound()

    def forget(self, until_ms: int) -> None:
        """Drop what was said at `until_ms` or before."""
        self._values = {name: kept for name, kept in self._values.items() if kept[0][0] > until_ms}

    def pack(self) -> bytes:
        """Size, then JSON; 4 bytes while nothing is known."""
        data = self._json() if self._values else b""
        return _SIZE.pack(len(data)) + data

    @classmethod
    def read(cls, reader: Reader) -> "Profile":
        """Read `pack`'s bytes; raises ValueError on truncated ones."""
        (size,) = map(int, reader.fields(_SIZE))
        profile = cls()
        if size:
            profile._values = _values(reader.text(size))
        return profile

    def _take(self, name: str, moment: Moment, value: Any) -> None:
        known = self._values.get(name)
        if known is None or moment > known[0]:
            self._values[name] = (moment, value)

    def _bound(self) -> None:
        while len(self._json()) > MAX_BYTES:
            del self._values[min(self._values, key=lambda name: (self._values[name][0], name))]

    def _json(self) -> bytes:
        listed = [[name, moment[0], moment[1:], value] for name, (moment, value) in sorted(self._values.items())]
        return json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()


def _values(text: str) -> dict[str, tuple[Moment, Any]]:
    try:
        return {name: ((time_ms, *position), value) for name, time_ms, position, value in json.loads(text)}
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"packed profile: not a list of values with their moments ({error})") from error
