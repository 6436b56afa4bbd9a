"""The way into every command: what fails is one message on standard error and an exit code, without a traceback."""

import logging
import sys
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from infra import errors as infra
from workers.errors import EXIT_FAILED, EXIT_MISCONFIGURED, ConfigurationError, TasteStreamError
from workers.records.json_words import in_json_words

_CONTRADICTIONS = (
    ConfigurationError,
    ValidationError,
    infra.ConfigurationError,
    infra.PortTakenError,
    infra.FolderError,
)


def run(app: Callable[[], Any]) -> None:
    """Run a command line to its end; an error that is no fault of the program ends it with a message and a code."""
    # aiokafka logs every failed attempt; the error that ends a command says the same once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        app()
    except (TasteStreamError, infra.InfraError, ValidationError, OSError) as error:
        _end(error)
    except Exception as error:
        if not _is_of_kafka(error):
            raise
        _end(error)


def _end(error: Exception) -> None:
    print(f"tastestream: {_said(error)}", file=sys.stderr)
    raise SystemExit(EXIT_MISCONFIGURED if isinstance(error, _CONTRADICTIONS) else EXIT_FAILED)


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {in_json_words(first['msg'])}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if _is_of_kafka(error):
        return f"Kafka does not do what it was asked for ({error}): check that it is up, then try again"
    return str(error) or "no answer in time: try again"


def _is_of_kafka(error: Exception) -> bool:
    # Commands that never speak to Kafka do not load its client.
    kafka = sys.modules.get("aiokafka.errors")
    return kafka is not None and isinstance(error, kafka.KafkaError)
