"""One broker for all processes of a test run, started when the first of them asks (processes, a Unix socket)."""

from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from infra.broker import Broker


class BrokerKeeper:
    """Lives in pytest's first process; `address` is where the others ask for the broker's bootstrap servers."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="tastestream-tests-")
        self.address = str(Path(self._folder.name) / "broker.sock")
        self._broker = Broker()
        self._listener = Listener(self.address, "AF_UNIX")
        # Nothing waits for it: a run that breaks off ends without it, and takes the broker along.
        Thread(target=self._serve, name="broker-keeper", daemon=True).start()

    def stop(self) -> None:
        """End the broker, if anything asked for it; nothing may ask afterwards."""
        self._broker.stop()
        self._listener.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        while True:
            try:
                asking = self._listener.accept()
            except OSError:  # closed by `stop`
                return
            with asking:
                self._answer(asking)

    def _answer(self, asking: Connection) -> None:
        try:
            if self._broker.pid is None:
                self._broker.start()
            asking.send(self._broker.bootstrap)
        except Exception as error:  # it belongs to the test that asked
            asking.send(error)


def shared_bootstrap(address: str) -> str:
    """Bootstrap servers of the broker that the keeper at `address` has; raises what its start raised."""
    with Client(address, "AF_UNIX") as keeper:
        answer: str | Exception = keeper.recv()
    if isinstance(answer, Exception):
        raise answer
    return answer
