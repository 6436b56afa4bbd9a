"""What decoding costs: µs a record for every shape that is understood, and bounds for hostile ones.

python -m load.bench.records
"""

import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import orjson
import typer
from rich.console import Console
from rich.table import Table

from load.bench.record_samples import CLOUD_EVENT_HEADERS, FOREIGN, NOW_MS, ORDER, OWN
from workers.errors import BadRecordError
from workers.records.event import decode_event
from workers.records.item_update import decode_item_event
from workers.records.request import decode_request

ROUNDS = 20_000
OWN_BUDGET_US, FOREIGN_BUDGET_US = 8.0, 15.0
HOSTILE_ROUNDS = 7
HOSTILE_BYTES = 1_000_000

Decode = Callable[[bytes], object]


def event(value: bytes) -> object:
    """Decode a record of user-interactions."""
    return decode_event(value, None, NOW_MS)


def cloud_event(value: bytes) -> object:
    """Decode the same in CloudEvents' binary mode."""
    return decode_event(value, None, NOW_MS, headers=CLOUD_EVENT_HEADERS)


def hostile_values(size: int) -> dict[str, bytes]:
    """Values of about `size` bytes that could make a careless parser slow or large."""
    half = size // 2
    return {
        "id of 1 MB": orjson.dumps({"event_type": "view", "item_id": "a", "user_id": "x" * size}),
        "nested lists": b'{"event_type": ' + b"[" * half + b"]" * half + b"}",
        "list of items": orjson.dumps({"event_type": "view", "user_id": "u1", "items": [1] * half}),
        "list of tags": orjson.dumps({"item_id": "a", "tags": [str(n) for n in range(size // 10)]}),
        "tags in one text": orjson.dumps({"item_id": "a", "tags": "|".join("ab" * (size // 6))}),
        "many fields": orjson.dumps({f"f{n}": n for n in range(size // 16)}),
        "many attributes": orjson.dumps({"item_id": "a", "attributes": {f"f{n}": n for n in range(size // 16)}}),
        "vector": orjson.dumps({"item_id": "a", "vector": [1] * half}),
        "excluded": orjson.dumps({"user_id": "u1", "exclude": [str(n) for n in range(size // 10)]}),
        "GA4 parameters": orjson.dumps({"event_name": "x", "event_params": [{"key": "k"}] * (size // 12)}),
        "digits": b'{"event_type": "view", "event_time": ' + b"9" * size + b"}",
    }


def median_us(decode: Decode, value: bytes) -> tuple[float, float]:
    """Median and 99th percentile in µs."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        decode(value)
        taken.append(time.perf_counter_ns() - started)
    taken.sort()
    return taken[ROUNDS // 2] / 1000, taken[ROUNDS * 99 // 100] / 1000


def medians_us() -> tuple[list[float], list[float]]:
    """Medians in µs of our own shapes, and of all others."""
    own: list[float] = []
    foreign: list[float] = []
    for _, decode, value, budget in _shapes():
        (own if budget == OWN_BUDGET_US else foreign).append(median_us(decode, value)[0])
    return own, foreign


def slowest_ms(value: bytes) -> float:
    """The slowest decode function's best run, in ms."""
    return max(best_ms(decode, value) for decode in _DECODERS)


def best_ms(decode: Decode, value: bytes) -> float:
    """The best of a few runs, in ms of processor time: these are long enough to be interrupted."""
    return min(_once(decode, value) for _ in range(HOSTILE_ROUNDS)) * 1000


def peak_mib(value: bytes) -> float:
    """The most memory that a decode function needed at once beyond the value, in MiB."""
    peaks = []
    for decode in _DECODERS:
        tracemalloc.start()
        _once(decode, value)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return max(peaks) / 2**20


def main() -> None:
    """Print both tables."""
    console = Console()
    console.print(_speed_table())
    console.print(_bounds_table())


def _speed_table() -> Table:
    table = Table("shape", "p50 µs", "p99 µs", "budget µs", title="decoding and validation")
    for name, decode, value, budget in _shapes():
        median, slow = median_us(decode, value)
        table.add_row(name, f"{median:.1f}", f"{slow:.1f}", f"{budget:.0f}")
    return table


def _shapes() -> list[tuple[str, Decode, bytes, float]]:
    return [
        *((name, event, orjson.dumps(body), OWN_BUDGET_US) for name, body in OWN.items()),
        ("order of 3 items", event, orjson.dumps(ORDER), FOREIGN_BUDGET_US),
        *((name, event, orjson.dumps(body), FOREIGN_BUDGET_US) for name, body in FOREIGN.items()),
        ("CloudEvents binary", cloud_event, orjson.dumps({"user_id": "u1", "item_id": "a"}), FOREIGN_BUDGET_US),
    ]


def _bounds_table() -> Table:
    columns = ("hostile value", "ms at ½ MB", "ms at 1 MB", "bare orjson at 1 MB", "peak MiB")
    table = Table(*columns, title="the slowest of all decode functions")
    halves, wholes = hostile_values(HOSTILE_BYTES // 2), hostile_values(HOSTILE_BYTES)
    for name, value in wholes.items():
        taken = slowest_ms(halves[name]), slowest_ms(value), best_ms(orjson.loads, value)
        table.add_row(name, *(f"{milliseconds:.2f}" for milliseconds in taken), f"{peak_mib(value):.1f}")
    return table


def _once(decode: Decode, value: bytes) -> float:
    started = time.process_time()
    with suppress(BadRecordError, orjson.JSONDecodeError):
        decode(value)
    return time.process_time() - started


_DECODERS: tuple[Decode, ...] = (
    event,
    lambda value: decode_item_event(value, None),
    lambda value: decode_request(value, None, NOW_MS),
)

if __name__ == "__main__":
    typer.run(main)
