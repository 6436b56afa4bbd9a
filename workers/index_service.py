"""Opens the index before anything else of a worker starts, and closes it after everything else has stopped."""

from mode import Service

from workers.index.port import Index
from workers.index.types import Schema


class IndexService(Service):
    """The index's life is that of the worker."""

    def __init__(self, index: Index, schema: Schema) -> None:
        super().__init__()
        self._index = index
        self._schema = schema

    async def on_start(self) -> None:
        await self._index.ensure(self._schema)

    async def on_stop(self) -> None:
        await self._index.close()
