"""Opens Qdrant Edge's folder on disk, builds it once, and translates what the library raises."""

import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from workers.errors import ConfigurationError, DependencyError
from workers.index.edge_format import edge_config, field_indexes
from workers.index.types import Schema

log = logging.getLogger(__name__)

_NO_WRITING = ("Read-only file system", "No space left on device", "Permission denied")
_MARKER = "tastestream-index.json"
_FORMAT = 1
"""Raise it when points are stored differently: indexes of the old form are then refused, not misread."""


def open_shard(folder: Path, schema: Schema, *, renew: bool) -> Any:
    """Open the shard in `folder`, built there if it's absent or empty; ConfigurationError if it can't be.

    One of another schema or form is refused too, or emptied and built anew with `renew`.
    """
    try:
        if renew and _is_ours_and_other(folder, schema):
            log.warning("the index in %s was built for other settings or by another version: it is filled anew", folder)
            _loaded(folder).close()  # fails if another process has it open
            shutil.rmtree(_partial(folder), ignore_errors=True)
            folder.rename(_partial(folder))
        if not folder.exists() or not any(folder.iterdir()):
            _build(folder, schema)
    except OSError as error:
        raise ConfigurationError(
            f"can't make the index in {folder} ({error.strerror}): set TASTESTREAM_DATA_PATH to a folder that can be "
            "written"
        ) from error
    _check_marker(folder, schema)
    return _loaded(folder)


def _loaded(folder: Path) -> Any:
    try:
        with translated("open", folder):
            return edge.EdgeShard.load(str(folder))
    except DependencyError as error:
        if "WouldBlock" in str(error):
            advice = "another process has it open: stop that one, or set TASTESTREAM_DATA_PATH to a folder of its own"
        elif any(sign in str(error) for sign in _NO_WRITING):
            advice = "the disk is read-only or full: make it writable, or give this worker a folder elsewhere"
        else:
            advice = "delete the folder, the index is rebuilt from Kafka"
        raise ConfigurationError(f"can't open the index in {folder}: {advice} ({error})") from error


@contextmanager
def translated(action: str, folder: Path) -> Iterator[None]:
    """Turn what Edge raises (bare Exception, and a BaseException when it panics) into DependencyError."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise DependencyError(f"index in {folder}: {action} failed: {error}") from error


def write_back(folder: Path) -> None:
    """Have the system write to disk what was changed in the mapped files of a shard; others run meanwhile.

    It makes nothing durable by itself: what it can't write, Edge's own flush reports.
    """
    for file in folder.rglob("*"):
        with suppress(OSError):
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _build(folder: Path, schema: Schema) -> None:
    # Built aside and renamed: a crash half-way leaves no folder that looks like an index without its fields.
    partial = _partial(folder)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with translated("create", partial):
        shard = edge.EdgeShard.create(str(partial), edge_config(schema))
        for operation in field_indexes(schema):
            shard.update(operation)
        shard.close()
    (partial / _MARKER).write_text(json.dumps(_description(schema), indent=1))
    partial.rename(folder)


def _partial(folder: Path) -> Path:
    return folder.with_name(folder.name + ".partial")


def _check_marker(folder: Path, schema: Schema) -> None:
    try:
        found = json.loads((folder / _MARKER).read_bytes())
    except FileNotFoundError:
        raise ConfigurationError(
            f"{folder} holds other files and no index of ours: choose another folder, or empty this one"
        ) from None
    except ValueError as error:
        raise ConfigurationError(
            f"{folder / _MARKER} is damaged: delete the folder, the index is rebuilt from Kafka ({error})"
        ) from error
    wanted = _description(schema)
    if found != wanted:
        raise ConfigurationError(
            f"the index in {folder} was built for {json.dumps(found)}, but wanted is {json.dumps(wanted)}: "
            "delete the folder, the index is rebuilt from Kafka, or go back to the old settings"
        )


def _is_ours_and_other(folder: Path, schema: Schema) -> bool:
    """Whether the folder holds an index of ours that was built for something else; a damaged one is not known to."""
    try:
        found = json.loads((folder / _MARKER).read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return bool(found != _description(schema))


def _description(schema: Schema) -> dict[str, Any]:
    return {"format": _FORMAT, "schema": schema.as_json()}
