"""Faust as we use it: app, agents over channels and worker; its Kafka consumer and its web server stay switched off."""

import asyncio
import logging
import os
import threading
from typing import Any, cast

import faust
from faust.app.base import BootStrategy
from faust.types import AgentT
from mode import Service

from workers.errors import ConfigurationError, TasteStreamError

log = logging.getLogger(__name__)

# Services end one after the other, and each waits for Kafka: without it that adds up to more than a supervisor
# grants (10 s by Docker). With it 2 s are usual.
STOP_WITHIN_S = 9.0
EXIT_LATE = 1

# The one version whose insides (boot strategy, channels, agents' error hook) were read and tested.
FAUST_VERSION = "0.15.3"


class _AgentsOnly(BootStrategy):
    enable_kafka = False
    enable_web = False  # it serves pages of its own (/router, /table), and its limits can't be set


class StreamApp(faust.App):
    """A Faust app whose agents read channels that `GroupMember` and `RequestReader` fill."""

    BootStrategy = _AgentsOnly
    first_crash: BaseException | None = None

    async def on_start(self) -> None:
        """Open the channels: Faust keeps them shut until its own consumer has recovered, which is switched off."""
        await super().on_start()
        self.flow_control.resume()

    _last_resort: threading.Timer | None = None

    async def on_stop(self) -> None:
        """End in order; by `STOP_WITHIN_S` at the latest, in whatever state: it is a crash's, and loses nothing."""
        last_resort = threading.Timer(STOP_WITHIN_S, _end_at_once)
        last_resort.daemon = True  # it must not hold up a clean shutdown
        last_resort.start()
        self._last_resort = last_resort
        await super().on_stop()

    async def on_shutdown(self) -> None:
        """All ended in order: a process that goes on, like a rebuild between its phases, must not be ended then."""
        await super().on_shutdown()
        if self._last_resort is not None:
            self._last_resort.cancel()

    def add_service(self, service: Service) -> None:
        """Start a service with the app, after those added before it; it stops before them."""
        self._extra_services.append(cast(Any, service))  # Faust starts instances too, but types classes

    async def on_init_extra_service(self, service: Any) -> Any:
        """Start a service; why one of ours can't start is kept for the caller."""
        try:
            return await super().on_init_extra_service(service)
        except TasteStreamError as error:
            self.first_crash = self.first_crash or error
            raise

    def _crash(self, reason: BaseException) -> None:
        """Keep what came first: services that fall over as they end report crashes of their own."""
        self.first_crash = self.first_crash or reason
        super()._crash(reason)

    async def _on_agent_error(self, agent: AgentT[Any], exc: BaseException) -> None:
        """End the process: Faust would restart the agent without its chunk, whose offset could never be committed."""
        if not isinstance(exc, asyncio.CancelledError):
            await self.crash(exc)


def new_app(app_id: str, *, bootstrap_servers: str, datadir: str) -> StreamApp:
    """Build the app; raises `ConfigurationError` with any other version of Faust than the tested one."""
    if faust.__version__ != FAUST_VERSION:
        raise ConfigurationError(
            f"Faust {faust.__version__} is installed, the stream core is tested with {FAUST_VERSION}: "
            "install the locked requirements"
        )
    return StreamApp(
        app_id,
        broker=f"kafka://{bootstrap_servers.replace(',', ';kafka://')}",
        datadir=datadir,
        autodiscover=False,
    )


def new_channel(app: faust.App) -> Any:
    """A channel of chunks for one agent, unbounded: the reader that fills it bounds what is out.

    Faust types channels by events; a stream hands any other value to its agent as it is.
    """
    return app.channel(maxsize=0)


def _end_at_once() -> None:
    log.error(
        "the worker did not shut down cleanly within %g s (is Kafka away?): it ends at once. Started again, it repeats "
        "from the last commit",
        STOP_WITHIN_S,
    )
    os._exit(EXIT_LATE)
