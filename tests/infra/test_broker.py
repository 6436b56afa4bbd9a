"""The broker in a box, with real brokers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.broker import Broker
from infra.errors import BrokerError, PortTakenError
from infra.ports import choose_ports
from tests.kafka import create_topic, read, write

DEADLINE_S = 30.0
PROJECT = Path(__file__).parents[2]


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def group_is_gone(leader: int) -> bool:
    """No process is left in the broker's process group but ones that only wait to be collected."""
    return not any(is_alive_in_group(process, leader) for process in psutil.process_iter())


def is_alive_in_group(process: psutil.Process, leader: int) -> bool:
    try:
        return os.getpgid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


async def test_a_written_record_is_read_back(broker: str) -> None:
    topic = await create_topic(broker, "echo")
    await write(broker, topic, [b"first", b"second"])
    assert await read(broker, topic, 2) == [b"first", b"second"]


async def test_acknowledged_records_survive_kill_9_and_a_restart(tmp_path: Path) -> None:
    values = [b"%d" % number for number in range(1000)]
    with Broker(tmp_path) as running:
        address, topic = running.bootstrap, await create_topic(running.bootstrap, "kept")
        await write(address, topic, values)
        running.kill()
        assert running.pid is None
        running.start()
        assert running.bootstrap == address
        assert await read(address, topic, len(values)) == values


def test_stop_leaves_no_process_and_no_temporary_folder() -> None:
    with Broker() as running:
        leader, folder = running.pid, running.data
        assert leader is not None and folder.is_dir()
    assert wait_for(lambda: group_is_gone(leader))
    assert not folder.exists()


async def test_two_brokers_run_side_by_side_and_share_nothing(broker: str) -> None:
    with Broker() as other:
        assert other.bootstrap != broker
        topic = await create_topic(other.bootstrap, "apart")
        await write(other.bootstrap, topic, [b"here"])
        assert await read(other.bootstrap, topic, 1) == [b"here"]


def test_broker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = start_serving(tmp_path)
    child = psutil.Process(parent.pid).children()[0]
    parent.kill()
    parent.wait()
    assert wait_for(lambda: group_is_gone(child.pid))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_serve_stops_cleanly_when_asked(tmp_path: Path, end: signal.Signals) -> None:
    parent = start_serving(tmp_path)
    child = psutil.Process(parent.pid).children()[0]
    parent.send_signal(end)
    assert parent.wait(DEADLINE_S) == 0
    assert wait_for(lambda: group_is_gone(child.pid))
    assert "shut down completed" in (tmp_path / "broker.log").read_text()


def start_serving(data: Path) -> subprocess.Popen[str]:
    code = f"from pathlib import Path; from infra.broker import serve; serve(0, Path({str(data)!r}))"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert "bootstrap servers 127.0.0.1:" in parent.stdout.readline()
    return parent


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Port {port} .*choose another port"):
            Broker(port=port).start()


def test_a_port_lost_between_choice_and_use_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        lost = taken.getsockname()[1]
        choices = iter([[lost, *choose_ports(0)], choose_ports(0, 0)])
        monkeypatch.setattr("infra.broker.choose_ports", lambda *wanted: next(choices))
        with Broker() as running:
            assert running.bootstrap != f"127.0.0.1:{lost}"


def test_a_bad_setting_shows_the_end_of_the_log() -> None:
    with pytest.raises(BrokerError, match=r"(?s)exit code.*not-a-number"):
        Broker(overrides={"log.cleaner.dedupe.buffer.size": "not-a-number"}).start()


async def test_a_folder_in_use_is_refused_and_its_broker_goes_on(tmp_path: Path) -> None:
    with Broker(tmp_path) as running:
        with pytest.raises(BrokerError, match="in use by another broker"):
            Broker(tmp_path).start()
        assert await create_topic(running.bootstrap, "still-here")
