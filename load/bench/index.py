"""What the index costs: searches, upserts and reads of each adapter beside a plain numpy floor.

python -m load.bench.index --items 10000
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models.primitives.sparse import SparseVector
from workers.index.edge import EdgeIndex
from workers.index.filters import Equals, ExcludeIds
from workers.index.memory import MemoryIndex
from workers.index.port import Index
from workers.index.types import DenseSpec, FieldKind, Point, Query, Schema

DIM = 256
ROW_ENTRIES = 30
QUERY_ENTRIES = (4, 12)
WORDS = 20_000
BATCH = 64
SCHEMA = Schema(
    dense={"text": DenseSpec(DIM)},
    sparse=("words",),
    fields={"category": FieldKind.KEYWORD, "price": FieldKind.FLOAT, "available": FieldKind.BOOL},
)
Floats = NDArray[np.float32]
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Items in the shape of the real ones: rows of some 30 words, skewed, texts, payload."""

    ids: list[str]
    texts: Floats
    rows: list[SparseVector]
    queries: dict[int, list[SparseVector]]


def catalog(items: int, seed: int = 7) -> Catalog:
    """Draw a seeded catalog; common words are in many rows, as in real data."""
    generator = np.random.default_rng(seed)
    keys = np.sort(generator.choice(2**32, WORDS, replace=False).astype(np.uint32))
    weights = 1.0 / (1.0 + generator.permutation(WORDS)) ** 0.9
    edges = np.cumsum(weights / weights.sum())

    def row(entries: int) -> SparseVector:
        chosen = np.unique(np.searchsorted(edges, generator.random(entries)).clip(max=WORDS - 1))
        return SparseVector(keys[chosen], generator.random(len(chosen), dtype=np.float32) + np.float32(0.01))

    texts = generator.standard_normal((items, DIM), dtype=np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    queries = {entries: [row(entries) for _ in range(200)] for entries in QUERY_ENTRIES}
    return Catalog([f"item-{n}" for n in range(items)], texts, [row(ROW_ENTRIES) for _ in range(items)], queries)


def points(data: Catalog) -> list[Point]:
    """Whole items."""
    return [
        Point(
            item_id,
            {"text": text, "words": row},
            {"category": f"c{n % 20}", "price": float(n), "available": n % 2},
        )
        for n, (item_id, text, row) in enumerate(zip(data.ids, data.texts, data.rows, strict=True))
    ]


async def timed(repeats: int, work: Callable[[int], Awaitable[object]]) -> Times:
    """Durations in ms of `repeats` runs, after one that is not counted."""
    await work(0)
    durations_ms = []
    for turn in range(repeats):
        start = time.perf_counter()
        await work(turn)
        durations_ms.append((time.perf_counter() - start) * 1e3)
    return np.array(durations_ms)


def searches(data: Catalog) -> dict[str, Callable[[int], list[Query]]]:
    """The queries by the name of their row in the table; the argument is the turn."""
    excluded = ExcludeIds(frozenset(data.ids[: min(10_000, len(data.ids) - 500)]))
    many = f"excluding {len(excluded.item_ids):,} ids"
    category = Equals("category", "c3")

    def text(turn: int) -> Floats:
        vector: Floats = data.texts[turn % len(data.ids)]
        return vector

    def worded(entries: int, turn: int) -> SparseVector:
        return data.queries[entries][turn % 200]

    return {
        "dense, top 100": lambda n: [Query("text", text(n), 100)],
        "dense, top 100, one category": lambda n: [Query("text", text(n), 100, (category,))],
        f"dense, top 100, {many}": lambda n: [Query("text", text(n), 100, (excluded,))],
        "words, 4 asked, top 200": lambda n: [Query("words", worded(4, n), 200)],
        "words, 12 asked, top 200": lambda n: [Query("words", worded(12, n), 200)],
        f"words, 12 asked, {many}": lambda n: [Query("words", worded(12, n), 200, (excluded,))],
        "both in one call": lambda n: [Query("text", text(n), 200), Query("words", worded(12, n), 200)],
    }


async def measure(index: Index, data: Catalog, repeats: int) -> dict[str, Times]:
    """Fill the index, then time each kind of call; ms per call."""
    await index.ensure(SCHEMA)
    stored = points(data)
    batches = [stored[start : start + BATCH] for start in range(0, len(stored), BATCH)]
    turns = iter(batches[1:])
    await index.upsert(batches[0])
    start = time.perf_counter()
    for batch in turns:
        await index.upsert(batch)
    filling_ms = (time.perf_counter() - start) * 1e3 / (len(batches) - 1)
    found = {f"upsert of {BATCH} (text, words, payload)": np.array([filling_ms])}
    for name, queries in searches(data).items():
        found[name] = await timed(repeats, lambda n, queries=queries: index.search(queries(n)))  # type: ignore[misc]
    return found | await reads(index, data, repeats)


async def reads(index: Index, data: Catalog, repeats: int) -> dict[str, Times]:
    """Time reads by id."""
    ids = data.ids
    return {"payloads of 128": await timed(repeats, lambda n: index.payloads(ids[n : n + 128], ("category",)))}


async def floor(data: Catalog, repeats: int) -> dict[str, Times]:
    """Time the bare arithmetic of a dense search: product and partition, no ids, no order."""

    async def search(turn: int) -> object:
        scores = data.texts @ data.texts[turn % len(data.ids)]
        return np.argpartition(scores, -100)[-100:]

    return {"dense, top 100": await timed(repeats, search)}


def cell(times: Times | None) -> str:
    """Median and 99th percentile, in ms."""
    if times is None:
        return ""
    return f"{np.median(times):.3f} / {np.percentile(times, 99):.3f}" if len(times) > 1 else f"{times[0]:.3f}"


async def run(items: int, repeats: int) -> Table:
    """Measure all adapters one after the other."""
    data = catalog(items)
    with tempfile.TemporaryDirectory() as folder:
        edge = EdgeIndex(Path(folder) / "index")
        columns = {"edge": await measure(edge, data, repeats)}
        await edge.close()
    columns["memory"] = await measure(MemoryIndex(), data, repeats)
    columns["numpy floor"] = await floor(data, repeats)
    entries = float(np.mean([len(row) for row in data.rows]))
    table = Table(title=f"{items:,} items × {DIM}, rows of {entries:.0f} entries: p50 / p99 in ms a call")
    table.add_column("call")
    for name in columns:
        table.add_column(name, justify="right")
    for call in columns["edge"]:
        table.add_row(call, *[cell(times.get(call)) for times in columns.values()])
    return table


def main(items: int = 10_000, repeats: int = 200) -> None:
    """Print the table for a catalog of `items`."""
    Console(width=120).print(asyncio.run(run(items, repeats)))


if __name__ == "__main__":
    typer.run(main)
