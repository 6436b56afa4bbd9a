"""Fixtures that tests of all packages share."""

from collections.abc import Iterator

import pytest

from infra.broker import Broker


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Bootstrap servers of a real broker that all tests share; `tests.kafka` makes topics of your own."""
    with Broker() as running:
        yield running.bootstrap
