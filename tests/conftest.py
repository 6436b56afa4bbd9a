"""What tests of all packages share: one broker, and the order in which files are taken."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.workermanage import WorkerController

from infra.broker import Broker
from models.state.pair_warm import warm
from tests.longest_first import longest_first
from tests.sharing_broker import BrokerKeeper, shared_bootstrap

# How long an example takes says more about the machine than about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Java's second compiler pays in a broker that works for minutes; those of tests live for seconds: 5.2 s instead of
# 9.8 s of CPU for a start and what four workers ask of it.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

KEEPER = pytest.StashKey[BrokerKeeper]()
ADDRESS = "broker_keeper"


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers of a real broker that all tests share; `tests.kafka` makes topics of your own."""
    keeper: str | None = getattr(request.config, "workerinput", {}).get(ADDRESS)
    if keeper is not None:
        yield shared_bootstrap(keeper)
        return
    with Broker() as running:
        yield running.bootstrap


def pytest_configure(config: pytest.Config) -> None:
    """Kernels that changed are compiled once, not by each of many workers that have seconds to be ready."""
    if not hasattr(config, "workerinput"):
        warm()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Short files come last."""
    items[:] = longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tests that run in several processes share the broker of the process that started these."""
    if KEEPER not in node.config.stash:
        node.config.stash[KEEPER] = BrokerKeeper()
    node.workerinput[ADDRESS] = node.config.stash[KEEPER].address


def pytest_unconfigure(config: pytest.Config) -> None:
    """The shared broker ends when no process is left that could use it."""
    if KEEPER in config.stash:
        config.stash[KEEPER].stop()
