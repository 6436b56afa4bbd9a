"""Brings changed items to the index in coalesced batches; chunks are finished when the index has them.

A hot item that changes a hundred times a second is written a few times a second. What is written is the
row as it is at that moment, so catalog and use of one item can't overwrite each other. Between hand-over and
take-over nothing is written: somebody else may own the items.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np
from mode import Service

from models.sparse import SparseVector
from workers.index.port import Index
from workers.index.types import Patch, Point
from workers.index.waves import runs
from workers.item_points import EMBEDDING, WORDS, ItemPoints
from workers.rows import ItemRow
from workers.stream.table import Table
from workers.turns import Pace, Turns
from workers.vectors import ItemVectors
from workers.vocabulary import Vocabulary


class Waiting(Protocol):
    """A chunk, or whoever else is told that the index has what was pushed."""

    def park(self) -> None:
        """All is done but the index."""

    def finish(self) -> None:
        """The index has it."""


class IndexWriter(Service):
    """Collects marked items for `delay_s`, writes them a few at a time, and finishes the chunks they came from."""

    def __init__(
        self,
        index: Index,
        items: Table[ItemRow],
        points: ItemPoints,
        vocabulary: Vocabulary,
        vectors: ItemVectors,
        turns: Turns,
        *,
        delay_s: float,
        slice_items: int,
    ) -> None:
        super().__init__()
        self._index = index
        self._items = items
        self._points = points
        self._vocabulary = vocabulary
        self._vectors = vectors
        self._turns = turns
        self._delay_s = delay_s
        self._marked = asyncio.Event()
        self._whole: dict[str, int] = {}
        self._used: dict[str, int] = {}
        self._waiting: list[Waiting] = []
        self._slice_items = slice_items
        self._ours = asyncio.Event()
        self._ours.set()
        self._writing: asyncio.Future[None] | None = None

    def push(self, partition: int, item_ids: Iterable[str], *, whole: bool, chunk: Waiting | None) -> None:
        """Have these items written soon: all of them (`whole`) or what evidence changes; then finish `chunk`."""
        marked = self._whole if whole else self._used
        marked.update(dict.fromkeys(item_ids, partition))
        if chunk is not None:
            chunk.park()
            self._waiting.append(chunk)
        self._marked.set()

    @Service.task
    async def _write_forever(self) -> None:
        while not self.should_stop:
            await self._marked.wait()
            await asyncio.sleep(self._delay_s)
            await self._ours.wait()
            self._writing = asyncio.ensure_future(self._write_marked())
            try:
                await asyncio.wait({self._writing})
            finally:
                self._writing.cancel()
            if not self._writing.cancelled():
                self._writing.result()

    async def lost(self) -> None:
        """Stop writing, in the middle of a wait for the index too; what is marked stays so, nobody is told."""
        self._ours.clear()
        self._waiting = []
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})

    async def owned(self) -> None:
        """Go on with the items that are ours now."""
        self._ours.set()

    async def _write_marked(self) -> None:
        self._marked.clear()
        whole, self._whole = self._whole, {}
        used, self._used = self._used, {}
        waiting, self._waiting = self._waiting, []
        try:
            await self._write_whole(whole)
            missing = await self._write_used({i: p for i, p in used.items() if i not in whole})
            await self._write_whole(missing)
        except asyncio.CancelledError:
            self._whole, self._used = {**whole, **self._whole}, {**used, **self._used}
            self._marked.set()
            raise
        for chunk in waiting:
            chunk.finish()

    async def _write_whole(self, marked: Mapping[str, int]) -> None:
        for rows in self._slices(marked):
            pace = Pace(self._turns)
            present: list[Point] = []
            absent: list[str] = []
            for item_id, row in rows:
                if row is None or row.catalog is None:
                    absent.append(item_id)
                else:
                    with pace:
                        present.append(self._points.point(item_id, row))
                    await self._turns.rest()
            with pace:
                if present:
                    await self._index.upsert(present)
                if absent:
                    await self._index.delete(absent)
            for item_id, _ in rows:  # not before: until now the old one could be read again
                self._vectors.forget(item_id)
            self._count_words(present, absent)
            await pace.rest()

    def _count_words(self, present: list[Point], absent: list[str]) -> None:
        for point in present:
            embedding, words = point.vectors.get(EMBEDDING), point.vectors.get(WORDS)
            self._vocabulary.count(point.item_id, embedding if isinstance(embedding, np.ndarray) else None)
            self._vocabulary.count_words(point.item_id, words if isinstance(words, SparseVector) else None)
        for item_id in absent:
            self._vocabulary.count(item_id, None)
            self._vocabulary.count_words(item_id, None)

    async def _write_used(self, marked: Mapping[str, int]) -> dict[str, int]:
        """Write what evidence changes; returns the items that the index should hold and does not."""
        missing: dict[str, int] = {}
        for rows in self._slices(marked):
            pace = Pace(self._turns)
            known: list[Patch] = []
            for item_id, row in rows:
                if row is not None and row.catalog is not None:
                    with pace:
                        known.append(self._points.patch(item_id, row))
                    await self._turns.rest()
            if known:
                with pace:
                    absent = await self._index.patch(known)
                missing.update((item_id, marked[item_id]) for item_id in absent)
            await pace.rest()
        return missing

    def _slices(self, marked: Mapping[str, int]) -> Iterator[list[tuple[str, ItemRow | None]]]:
        """Rows of marked items that are still ours, a few at a time, each read when its turn comes.

        None: the row was dropped at the bound of the table.
        """
        for some in runs(list(marked), self._slice_items):
            owned = ((item_id, self._items.partitions.get(marked[item_id])) for item_id in some)
            yield [(item_id, rows.get(item_id)) for item_id, rows in owned if rows is not None]
