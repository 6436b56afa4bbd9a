"""Writes points to an Edge index for ever and prints the number of each one that was acknowledged."""

import asyncio
import sys
from itertools import count
from pathlib import Path

from models.primitives.sparse import SparseVector
from tests.index.builders import SCHEMA, dense, point
from workers.index.edge import EdgeIndex


async def write_for_ever(folder: Path) -> None:
    index = EdgeIndex(folder)
    await index.ensure(SCHEMA)
    for number in count():
        row = SparseVector.of({number: 1.0, number + 1: 2.0})
        await index.upsert([point(f"k{number}", {"n": number}, text=dense(1, number, 0, 0), transitions=row)])
        print(number, flush=True)


if __name__ == "__main__":
    asyncio.run(write_for_ever(Path(sys.argv[1])))
