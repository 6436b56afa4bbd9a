"""Which rows of two digests differ, and in what (no I/O)."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from workers.admin.state.digest import row_json, unlike_sums
from workers.admin.state.form import Form

_NUMBERS = ("decayed", "clocked")
_SHOWN_CHARACTERS = 200


class Rows(Protocol):
    """All rows of a state by table: `workers.admin.state.changelog.State`."""

    def keys(self, name: str) -> Iterator[str]: ...

    def form(self, name: str, key: str) -> Form | None: ...


def unlike_states(name: str, first: Rows, second: Rows) -> Iterator[str]:
    """As `unlike_rows`, of one table of two states at hand; one row of each is in its form at a time."""
    for key in sorted({*first.keys(name), *second.keys(name)}):
        ours, theirs = (row_json(form) if (form := of.form(name, key)) else None for of in (first, second))
        for line in _unlike(ours, theirs, same_log=True):
            yield f"{name} {key!r}: {line}"


def unlike_rows(first: Mapping[str, Any], second: Mapping[str, Any], *, same_log: bool = True) -> Iterator[str]:
    """A line for each field of each row that differs; both digests must have been made with their rows."""
    for table in sorted(first["tables"]):
        ours = first["tables"][table].get("rows_by_key", {})
        theirs = second["tables"].get(table, {}).get("rows_by_key", {})
        for key in sorted(ours.keys() | theirs.keys()):
            for line in _unlike(ours.get(key), theirs.get(key), same_log):
                yield f"{table} {key!r}: {line}"


def _unlike(ours: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None, same_log: bool) -> Iterator[str]:
    if ours is None or theirs is None:
        yield f"only in the {'second' if ours is None else 'first'}"
        return
    for name in sorted((ours.keys() | theirs.keys()) - set(_NUMBERS)):
        if ours.get(name) != theirs.get(name):
            yield f"{name} {_first_unlike(ours.get(name), theirs.get(name))}"
    for kind in _NUMBERS if same_log else _NUMBERS[:1]:
        yield from unlike_sums(ours.get(kind, {}), theirs.get(kind, {}))


def _first_unlike(ours: Any, theirs: Any) -> str:
    """The entries that only one side has, of two lists; else both values."""
    if isinstance(ours, list) and isinstance(theirs, list):
        ours, theirs = [one for one in ours if one not in theirs], [one for one in theirs if one not in ours]
    return f"{_short(ours)} against {_short(theirs)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " …"
