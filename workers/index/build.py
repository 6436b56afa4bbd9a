"""Builds the index that the settings name: in this process, or on a server that several workers share."""

from dataclasses import dataclass

from workers.errors import ConfigurationError
from workers.index.edge import EdgeIndex
from workers.index.memory import MemoryIndex
from workers.index.patient import PatientIndex
from workers.index.port import Index
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.settings import PREFIX, Settings

# Seconds that ingestion gives a read of its own. Answers give up sooner: they have something to fall back on.
INGEST_READ_S = 2.0
# Items in one write. An index in this process holds the event loop for about 2 ms meanwhile; a server takes
# more of them side by side, and each write costs a round trip.
SLICE_IN_PROCESS, SLICE_ON_SERVER = 32, 256


@dataclass(frozen=True, slots=True)
class Indexes:
    """The index as its users see it; in one process these are one object.

    `answers` gives up early; `ingest` gives up later; `writes` is `ingest` and never gives up. `server` is
    `answers` if that is a server, which may be away and which other workers write to as well.
    """

    answers: Index
    ingest: Index
    writes: Index
    slice_items: int
    server: QdrantServerIndex | None = None

    def waits(self) -> bool:
        """Whether a write is being repeated because the index does not answer."""
        return isinstance(self.writes, PatientIndex) and self.writes.waits


def build_index(settings: Settings) -> Indexes:
    """The index of a worker, not opened yet; ConfigurationError for an address that is none."""
    if settings.index_kind == "server":
        return _on_server(settings)
    edge = settings.index_kind == "edge"
    index: Index = EdgeIndex(settings.data_path / "index") if edge else MemoryIndex()
    return Indexes(index, index, index, SLICE_IN_PROCESS)


def _on_server(settings: Settings) -> Indexes:
    # Two connections: no search queues behind a large write, and a slow read of ingestion says nothing about searches.
    answers = server_index(settings, settings.qdrant_timeout_ms / 1000)
    ingest = server_index(settings, max(INGEST_READ_S, settings.qdrant_timeout_ms / 1000))
    return Indexes(answers, ingest, PatientIndex(ingest), SLICE_ON_SERVER, answers)


def server_index(
    settings: Settings, read_timeout_s: float, url: str | None = None, collection: str | None = None
) -> QdrantServerIndex:
    """The collection on the server of the settings, or on another one with the same key and authorities."""
    key = settings.qdrant_api_key
    options = ServerOptions(
        url or settings.qdrant_url,
        collection or settings.qdrant_collection,
        None if key is None else key.get_secret_value(),
        settings.qdrant_ca_file,
        read_timeout_s=read_timeout_s,
    )
    try:
        return QdrantServerIndex(options)
    except ConfigurationError as error:
        raise ConfigurationError(str(error) if url else f"{PREFIX}QDRANT_URL: {error}") from error
