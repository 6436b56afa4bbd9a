"""What was measured of one workload, as the figures of the table (no I/O)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from load.bench.capacity import P99_MS
from load.bench.path_speed import RATE
from load.bench.scale_ingest import Ingest
from load.bench.scale_run import Measured
from load.bench.scale_table import Figure, Target
from load.bench.scale_workloads import targets_of

MB, KB = 1e6, 1e3
PART = "of that part"


@dataclass(frozen=True, slots=True)
class Value:
    """What a figure shows; `missing` as in `Figure`."""

    value: float
    baseline: float | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of the table: the key of its target, its words, and how it comes out of what was measured."""

    key: str
    name: str
    unit: str
    baseline_name: str
    of: Callable[[Measured], Value | None]


def figures_of(found: Measured, *, judged: bool = True) -> list[Figure]:
    """All figures, in the order in which they are measured; those that could not be say why."""
    targets = targets_of(found.workload) if judged else {}
    return [_figure(line, found, targets.get(line.key)) for line in _lines(found)]


def title_of(found: Measured) -> str:
    """Name and sizes of the workload, and how busy the machine was."""
    sizes = f"{found.items:,} items, {found.users:,} users, {found.ratings:,} events"
    return f"{found.workload.name}: {sizes} (load average {found.load_average:.1f})"


def _figure(line: Line, found: Measured, target: Target | None) -> Figure:
    value = line.of(found)
    if value is None:
        return Figure(line.name, None, line.unit, target=target, missing="not measured")
    return Figure(line.name, value.value, line.unit, value.baseline, line.baseline_name, target, value.missing)


def _lines(found: Measured) -> Iterator[Line]:
    yield Line("start", "start to ready, nothing there", "s", "", lambda m: _plain(m.start_s))
    yield Line("catalog", "catalog → searchable", "items/s", "read, JSON", _catalog)
    yield Line("events", "events, whole path", "events/s", "read, JSON", _events)
    yield Line("cpu", "  of the worker's CPU", "events/CPU-s", "read, JSON", _events_per_cpu)
    yield Line("memory", "memory, all loaded", "MB", "empty worker", _memory)
    yield Line("item_memory", "  an item: catalog − empty", "KB", "its record as JSON", _item_memory)
    yield Line("user_memory", "  a user: events − catalog", "KB", "its events as JSON", _user_memory)
    name = f"changelogs, an event ({found.codec})"
    yield Line("changelog", name, "KB", "the event in its topic", _changelog)
    yield Line("rows", "  before compression", "KB", "the event in its topic", _rows)
    yield Line("restart", "restart to ready, right after", "s", "read the changelogs", _restart)
    yield from _request_lines()
    yield Line("restarts", "restarts unasked for", "", "", lambda m: Value(len(m.ends)))


def _request_lines() -> Iterator[Line]:
    for percent in ("p50", "p99"):
        yield Line(f"idle_{percent}", f"for_user, {RATE:g}/s, idle, {percent}", "ms", "echo", _idle(percent))
    yield Line("compute_p50", "compute of one answer, p50", "ms", "", _cost("compute_p50_ms"))
    yield Line("compute_p99", "compute of one answer, p99", "ms", "", _cost("compute_p99_ms"))
    yield Line("calls", "index: calls an answer", "", "", _cost("calls"))
    yield Line("searches", "index: searches an answer", "", "", _cost("searches"))
    yield Line("bytes", "index on a server: bytes an answer", "", "", _cost("transferred"))
    yield Line("capacity", f"answers/s, p99 ≤ {P99_MS:g} ms", "/s", "", _capacity)
    yield Line("capacity_p99", "  p99 at that rate", "ms", "echo", _capacity_p99)
    for percent in ("p50", "p99"):
        yield Line(f"busy_{percent}", f"for_user, flat-out ingest, {percent}", "ms", "echo", _busy(percent))
    yield Line("busy_events", "  events of that ingest", "events/s", "without requests", _busy_events)
    yield Line("unanswered", "requests without an answer", "", "", _unanswered)


def _part(of: Ingest) -> str:
    return PART if of.missing else ""


def _plain(value: float | None) -> Value | None:
    return None if value is None else Value(value)


def _catalog(found: Measured) -> Value | None:
    if found.catalog is None or found.catalog_read is None:
        return None
    return Value(found.catalog.per_s, found.catalog_read.per_s, found.catalog.missing)


def _events(found: Measured) -> Value | None:
    if found.events is None or found.events_read is None:
        return None
    return Value(found.events.per_s, found.events_read.per_s, found.events.missing)


def _events_per_cpu(found: Measured) -> Value | None:
    if found.events is None or found.events_read is None:
        return None
    return Value(found.events.per_cpu_s, found.events_read.per_cpu_s, _part(found.events))


def _memory(found: Measured) -> Value | None:
    if found.events_b is None or found.empty_b is None or found.events is None:
        return None
    return Value(found.events_b / MB, found.empty_b / MB, _part(found.events))


def _item_memory(found: Measured) -> Value | None:
    catalog, read = found.catalog, found.catalog_read
    if catalog is None or read is None or found.catalog_b is None or found.empty_b is None or not catalog.done:
        return None
    return Value((found.catalog_b - found.empty_b) / KB / catalog.done, read.size / KB / read.records, _part(catalog))


def _user_memory(found: Measured) -> Value | None:
    events, read = found.events, found.events_read
    if events is None or read is None or found.events_b is None or found.catalog_b is None:
        return None
    return Value((found.events_b - found.catalog_b) / KB / found.users, read.size / KB / found.users, _part(events))


def _changelog(found: Measured) -> Value | None:
    events, read = found.events, found.events_read
    if events is None or read is None or found.changelog_b is None or found.events_log_b is None or not events.done:
        return None
    return Value(found.changelog_b / KB / events.done, found.events_log_b / KB / read.records, _part(events))


def _rows(found: Measured) -> Value | None:
    before, after, events = found.rows_read, found.changelog_read, found.events
    if before is None or after is None or events is None or found.events_log_b is None or not events.done:
        return None
    size, own = (after.size - before.size) / KB / events.done, found.events_log_b / KB / events.wanted
    return Value(size, own, _part(events))


def _restart(found: Measured) -> Value | None:
    if found.restart_s is None or found.changelog_read is None:
        return None
    return Value(found.restart_s, found.changelog_read.seconds)


def _idle(percent: str) -> Callable[[Measured], Value | None]:
    def of(found: Measured) -> Value | None:
        idle = found.idle
        return None if idle is None else Value(getattr(idle["worker"], percent), getattr(idle["echo"], percent))

    return of


def _busy(percent: str) -> Callable[[Measured], Value | None]:
    def of(found: Measured) -> Value | None:
        busy = found.busy
        return None if busy is None else Value(getattr(busy.worker, percent), getattr(busy.echo, percent))

    return of


def _busy_events(found: Measured) -> Value | None:
    if found.busy is None or found.events is None:
        return None
    return Value(found.busy.ingested.per_s, found.events.per_s, found.busy.ingested.missing)


def _cost(field: str) -> Callable[[Measured], Value | None]:
    return lambda found: None if found.cost is None else Value(getattr(found.cost, field))


def _capacity(found: Measured) -> Value | None:
    return None if found.reached is None else Value(found.reached.worker.rate)


def _capacity_p99(found: Measured) -> Value | None:
    if found.reached is None or not found.reached.worker.rate:
        return None
    return Value(found.reached.worker.p99_ms, found.reached.echo_p99_ms)


def _unanswered(found: Measured) -> Value | None:
    if found.idle is None:
        return None
    return Value(found.idle["worker"].failed + (found.busy.worker.failed if found.busy else 0))
