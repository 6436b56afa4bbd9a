"""Fixtures that tests of all packages share."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from infra.broker import Broker

# How long an example takes says more about the machine than about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Bootstrap servers of a real broker that all tests share; `tests.kafka` makes topics of your own."""
    with Broker() as running:
        yield running.bootstrap
