"""Builds the index on a Qdrant server that several workers share."""

from collections.abc import Callable

from workers.errors import ConfigurationError
from workers.index.indexes import SLICE_ON_SERVER, Indexes
from workers.index.patient import PatientIndex
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.settings import PREFIX, Settings

# Seconds that ingestion gives a read of its own. Answers give up sooner: they have something to fall back on.
INGEST_READ_S = 2.0


def server_indexes(settings: Settings, on_read: Callable[[int, int], None]) -> Indexes:
    """The collection of the settings, not opened yet; ConfigurationError for an address that is none."""
    # Two connections: no search queues behind a large write, and a slow read of ingestion says nothing about searches.
    answers = server_index(settings, settings.qdrant_timeout_ms / 1000, on_read=on_read)
    ingest = server_index(settings, max(INGEST_READ_S, settings.qdrant_timeout_ms / 1000))
    return Indexes(answers, ingest, PatientIndex(ingest), SLICE_ON_SERVER, answers)


def server_index(
    settings: Settings,
    read_timeout_s: float,
    url: str | None = None,
    collection: str | None = None,
    on_read: Callable[[int, int], None] = lambda sent, received: None,
) -> QdrantServerIndex:
    """The collection on the server of the settings, or on another one with the same key and authorities."""
    key = settings.qdrant_api_key
    options = ServerOptions(
        url or settings.qdrant_url,
        collection or settings.qdrant_collection,
        None if key is None else key.get_secret_value(),
        settings.qdrant_ca_file,
        read_timeout_s=read_timeout_s,
        on_read=on_read,
    )
    try:
        return QdrantServerIndex(options)
    except ConfigurationError as error:
        raise ConfigurationError(str(error) if url else f"{PREFIX}QDRANT_URL: {error}") from error


async def drop_collection(settings: Settings) -> bool:
    """Delete the collection of the settings; False if the server has none."""
    index = server_index(settings, INGEST_READ_S)
    try:
        return await index.drop()
    finally:
        await index.close()
