"""Runs a worker as a process: topics first, then Faust's worker until a signal or a failure ends it."""

import asyncio
import gc
import logging
import time
from pathlib import Path

import faust
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from models.state.pair_warm import warm
from workers.errors import (
    EXIT_FAILED,
    EXIT_MISCONFIGURED,
    ConfigurationError,
    DependencyError,
    TasteStreamError,
)
from workers.messages.waiting import say_what_for
from workers.runtime.app import build
from workers.settings import Settings
from workers.stream.security import client_options
from workers.stream.topic_admin import ensure_topics
from workers.topics import Topics

log = logging.getLogger(__name__)

BROKER_PAUSE_S = 1.0

# Libraries that say in a hundred lines a minute what one line of ours says while a broker is away.
_QUIET = {"aiokafka": logging.CRITICAL, "faust": logging.WARNING, "mode": logging.WARNING}

# What mode says of whatever makes its services crash: stacks, under each service's name, and that it did.
_CRASHED, _CRASH_FOLLOWS = "Crashed reason=", "We experienced a crash!"


def run_worker(settings: Settings) -> int:
    """Run until a signal (0), a failure (1) or a contradiction in configuration or topics (78)."""
    set_up_logging(settings.log_level)
    try:
        prepare_folder(settings.data_path)
        asyncio.run(prepare_topics(settings))
        _make_kernels_ready()
        app = build(settings)
    except TasteStreamError as error:
        return _say(error)
    app.finalize()
    _calm_garbage_collection()
    worker = faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None  # it writes control characters, on a terminal or not
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        return int(end.code or 0) if app.first_crash is None else _say(app.first_crash)
    except Exception as error:
        return _say(app.first_crash or error)


def _say(error: BaseException) -> int:
    """One line on what ended the worker, and its exit code."""
    if isinstance(error, TasteStreamError):
        log.error("%s", error)
    else:
        log.error("the worker ended: %r", error)
    return EXIT_MISCONFIGURED if isinstance(error, ConfigurationError) else EXIT_FAILED


def _make_kernels_ready() -> None:
    """Before the worker joins its group: a compilation of seconds would be taken for a standstill there."""
    started = time.monotonic()
    warm()
    log.info("kernels are ready after %.1f s", time.monotonic() - started)


def _calm_garbage_collection() -> None:
    """Leave modules and code out of every collection, and scan all of the heap rarely.

    A full collection walks all rows and holds answers up for 100 to 500 ms; what they would free is freed by
    reference counts already.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 1_000)


def prepare_folder(folder: Path) -> None:
    """Make the data folder if it is missing; raises ConfigurationError if it can't be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the data folder {folder} can't be made ({error.strerror}): set TASTESTREAM_DATA_PATH to another"
        ) from error


async def prepare_topics(settings: Settings) -> None:
    """Create missing topics and check all, with patience for a broker that is not there yet."""
    topics, options = Topics(settings.topic_prefix), client_options(settings)
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(DependencyError),
        stop=stop_after_delay(settings.patience_s),
        wait=wait_fixed(BROKER_PAUSE_S),
        before_sleep=say_what_for(log, "the topics are ready"),
        reraise=True,
    ):
        with attempt:
            await ensure_topics(
                options,
                topics.specs(settings.user_partitions, settings.item_partitions),
                settings.replication_factor,
            )


def set_up_logging(level: str) -> None:
    """One line an event on standard error, with time, level and source."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", force=True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_not_explained_later)


def _not_explained_later(record: logging.LogRecord) -> bool:
    """Leave out what Faust and mode print of errors of ours, stacks included: `run_worker` says each once."""
    said = str(record.msg)
    ours = isinstance(record.exc_info, tuple) and isinstance(record.exc_info[1], TasteStreamError)
    return not (_CRASH_FOLLOWS in said or (ours and (record.name.startswith(("faust", "mode")) or _CRASHED in said)))
