"""A digest of the whole state: equal digests mean equal rows, whatever the order of processing (no I/O)."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from models.primitives.ids import item_key
from workers.admin.state.form import Form

FORMAT = 2
TOLERANCE = 1e-6
"""Decayed sums agree to this share of their size: their rounding depends on the order of arrival."""

LEFT_OUT = {
    "watermarks, origins of events, where a row began": "places in the log: a forwarded record has another one",
    "order of seen items": "a set: it decides only what is forgotten beyond 4,096 items",
    "shares of taste that wait for a vector": "folded before the taste is compared, where the vector is known",
}
"""What a digest leaves out, and why."""


_Sums = dict[str, list[tuple[float, float]]]


@dataclass(slots=True)
class TableDigest:
    """One table: `decayed` and `clocked` hold [sum, size of what was added up] by name; `rows_by_key` if asked for."""

    rows: int = 0
    unreadable: int = 0
    hash: str = ""
    decayed: dict[str, list[float]] = field(default_factory=dict)
    clocked: dict[str, list[float]] = field(default_factory=dict)
    rows_by_key: dict[str, Form] = field(default_factory=dict)


def table_digest(forms: Iterable[tuple[str, Form]], *, keep_rows: bool = False) -> TableDigest:
    """Digest rows in any order."""
    hashes: dict[str, bytes] = {}
    decayed: _Sums = {}
    clocked: _Sums = {}
    kept = {}
    for key, form in forms:
        hashes[key] = sha256(_json(form.exact)).digest()
        _collect(decayed, key, form.decayed)
        _collect(clocked, key, form.clocked)
        if keep_rows:
            kept[key] = form
    whole = sha256()
    for key in sorted(hashes):
        whole.update(sha256(key.encode()).digest() + hashes[key])
    return TableDigest(len(hashes), 0, whole.hexdigest(), _sums(decayed), _sums(clocked), kept)


def to_json(tables: Mapping[str, TableDigest], notes: Iterable[str] = ()) -> dict[str, Any]:
    """What `tastestream state digest --json` prints."""
    return {
        "format": FORMAT,
        "tables": {name: _table_json(digest) for name, digest in tables.items()},
        "notes": sorted(set(notes)),
        "left_out": LEFT_OUT,
    }


def row_json(form: Form) -> dict[str, Any]:
    """One row, as a digest with its rows holds it."""
    return {**form.exact, "decayed": form.decayed, "clocked": form.clocked}


def differences(first: Mapping[str, Any], second: Mapping[str, Any], *, same_log: bool = True) -> list[str]:
    """What two digests (as JSON) differ in, a line each; empty for equal states.

    `same_log=False` leaves out what counts records of the log, for logs of equal meaning with other offsets.
    """
    found: list[str] = []
    for name in sorted(first["tables"].keys() | second["tables"].keys()):
        ours, theirs = first["tables"].get(name, {}), second["tables"].get(name, {})
        pairs = ((of, ours.get(of), theirs.get(of)) for of in ("rows", "unreadable", "hash"))
        found += [f"{name}: {of} {mine} against {other}" for of, mine, other in pairs if mine != other]
        for kind in ("decayed", "clocked") if same_log else ("decayed",):
            found += [f"{name}: {line}" for line in unlike_sums(ours.get(kind, {}), theirs.get(kind, {}))]
    return found


def unlike_sums(ours: Mapping[str, list[float]], theirs: Mapping[str, list[float]]) -> Iterator[str]:
    """A line for each pair of sums, [value, size] by name, that differs by more than rounding."""
    for name in sorted(ours.keys() | theirs.keys()):
        (mine, size), (other, other_size) = ours.get(name, [0.0, 0.0]), theirs.get(name, [0.0, 0.0])
        if abs(mine - other) > TOLERANCE * max(size, other_size):
            yield f"{name} {mine!r} against {other!r}"


def _collect(sums: _Sums, key: str, numbers: Mapping[str, tuple[float, float]]) -> None:
    # Rows have unlike weights: two that were swapped, or errors of opposite sign, don't cancel out.
    weight = 0.5 + item_key(key) / 2**64
    for name, (value, size) in numbers.items():
        sums.setdefault(name, []).append((weight * value, weight * size))


def _sums(of_rows: _Sums) -> dict[str, list[float]]:
    """Exact whatever the order of the rows."""
    return {name: [math.fsum(column) for column in zip(*pairs, strict=True)] for name, pairs in sorted(of_rows.items())}


def _table_json(digest: TableDigest) -> dict[str, Any]:
    made: dict[str, Any] = {
        "rows": digest.rows,
        "unreadable": digest.unreadable,
        "hash": digest.hash,
        "decayed": digest.decayed,
        "clocked": digest.clocked,
    }
    if digest.rows_by_key:
        made["rows_by_key"] = {key: row_json(form) for key, form in sorted(digest.rows_by_key.items())}
    return made


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
