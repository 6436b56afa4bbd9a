"""What lies at each path of a topic's records, within bounds whatever the records are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from workers.admin.schema.forms import distinct

MAX_DEPTH = 4
MAX_PATHS = 512  # of one topic; further ones are left out
MAX_KEYS = 256  # of one object
MAX_ELEMENTS = 20  # of one list that are read
MAX_KEPT = 200  # contents of one path, by which its form is judged
MAX_NAME_CHARS = 128


@dataclass(slots=True)
class Contents:
    """Of one path: in how many records it is, and some of what is there."""

    records: int = 0
    values: list[Any] = field(default_factory=list)

    @property
    def distinct(self) -> int:
        """How many different texts and numbers are kept."""
        return distinct(self.values)


def contents_of(bodies: Iterable[dict[str, Any]]) -> dict[str, Contents]:
    """Path (as in `Mapping`) → contents; null counts as absent.

    >>> found = contents_of([{"user": {"id": 7}, "lines": [{"sku": "a"}, {"sku": "b"}]}])
    >>> {path: contents.values for path, contents in found.items()}
    {'user.id': [7], 'lines[].sku': ['a', 'b']}
    """
    found: dict[str, Contents] = {}
    for body in bodies:
        seen: set[str] = set()
        for path, value in _leaves(body, "", MAX_DEPTH):
            if path not in found and len(found) >= MAX_PATHS:
                continue
            contents = found.setdefault(path, Contents())
            contents.records += path not in seen
            seen.add(path)
            if len(contents.values) < MAX_KEPT:
                contents.values.append(value)
    return found


def _leaves(body: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name in list(body)[:MAX_KEYS]:
        value = body[name]
        if value is None or "." in name or name.endswith("[]") or len(name) > MAX_NAME_CHARS:
            continue
        path = prefix + name
        if isinstance(value, dict):
            if depth > 1:
                yield from _leaves(value, f"{path}.", depth - 1)
        elif isinstance(value, list) and any(isinstance(element, dict) for element in value[:MAX_ELEMENTS]):
            if "[]" not in path:
                yield from _of_elements(value[:MAX_ELEMENTS], path, depth)
        else:
            yield path, value


def _of_elements(elements: list[Any], path: str, depth: int) -> Iterator[tuple[str, Any]]:
    for element in elements:
        if isinstance(element, dict) and depth > 1:
            yield from _leaves(element, f"{path}[].", depth - 1)
