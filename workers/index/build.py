"""Builds the index that the settings name: in this process, or on a server that several workers share."""

from collections.abc import Callable

from workers.index.edge import EdgeIndex
from workers.index.indexes import SLICE_IN_PROCESS, Indexes
from workers.index.memory import MemoryIndex
from workers.index.port import Index
from workers.settings import Settings


def build_index(settings: Settings, on_read: Callable[[int, int], None] = lambda sent, received: None) -> Indexes:
    """The index of a worker, not opened yet; ConfigurationError for an address that is none.

    `on_read`: told the bytes that answers send to a server and receive from it.
    """
    if settings.index_kind == "server":
        # Only here: the server's client takes longer to import than all the rest of a worker, and 40 MB.
        from workers.index.on_server import server_indexes

        return server_indexes(settings, on_read)
    edge = settings.index_kind == "edge"
    index: Index = EdgeIndex(settings.data_path / "index", renew=True) if edge else MemoryIndex()
    return Indexes(index, index, index, SLICE_IN_PROCESS)
