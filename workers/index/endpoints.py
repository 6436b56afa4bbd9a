"""Names an index on the command line, `edge:PATH` or `server:URL/COLLECTION`, and opens it (I/O)."""

from pathlib import Path
from urllib.parse import urlsplit

from workers.errors import ConfigurationError
from workers.index.edge import EdgeIndex
from workers.index.move import Movable
from workers.index.on_server import server_index
from workers.index.server import QdrantServerIndex
from workers.index.types import Schema
from workers.settings import Settings

# Seconds for one read: no answer waits meanwhile.
READ_S = 10.0
HOW = "name one as edge:FOLDER or server:http(s)://HOST:PORT/COLLECTION"


async def open_source(text: str, schema: Schema, settings: Settings) -> Movable:
    """Open an index that must exist; ConfigurationError if it doesn't."""
    index = _parsed(text, settings)
    if not (_is_folder(text) if isinstance(index, EdgeIndex) else await index.exists()):
        await index.close()
        raise ConfigurationError(f"there is no index to move from: no such folder or collection, {HOW}")
    await index.ensure(schema)
    return index


async def open_target(text: str, schema: Schema, settings: Settings) -> Movable:
    """Open or create an index; ConfigurationError if it can't be, or has another schema."""
    index = _parsed(text, settings)
    await index.ensure(schema)
    return index


def _is_folder(text: str) -> bool:
    return Path(text.partition(":")[2]).is_dir()


def _parsed(text: str, settings: Settings) -> EdgeIndex | QdrantServerIndex:
    kind, _, position = text.partition(":")
    if kind == "edge" and position:
        return EdgeIndex(Path(position))
    if kind == "server":
        url, _, collection = position.rpartition("/")
        if urlsplit(url).hostname and collection:
            return server_index(settings, READ_S, url, collection)
    # Not quoted: an address may hold a password.
    raise ConfigurationError(f"this names no index: {HOW}")
