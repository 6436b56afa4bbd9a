"""What is in which slot, as a table for people."""

from datetime import UTC, datetime

from rich.table import Table

from workers.control.versions import Version, Versions


def versions_table(versions: Versions) -> Table:
    """One row a version, newest first."""
    table = Table(title="Collaborative item vectors")
    for column in ("version", "made", "slot", "items with a vector", "learned from", "state"):
        table.add_column(column)
    for held in sorted(versions.slots.values(), key=lambda held: -held.version):
        made = datetime.fromtimestamp(held.version / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        vectors = f"{held.with_vector:,} of {held.items:,}"
        table.add_row(str(held.version), made, held.slot, vectors, held.source, _state(held, versions))
    return table


def _state(held: Version, versions: Versions) -> str:
    if not held.ready:
        return "not complete"
    if held.version == versions.pointer.active:
        return "answers"
    return "answered before" if held.version == versions.pointer.previous else "ready"
