"""Free ports: nothing else on the machine takes them by the way."""

import socket

import pytest

from infra import ports
from infra.errors import PortTakenError
from infra.ports import FREE_PORTS, HOST, choose_ports

LOWEST_OF_CLIENTS = 32_768


def test_free_ports_differ_and_are_none_that_outgoing_connections_get() -> None:
    chosen = choose_ports(*[0] * 50)
    assert len(set(chosen)) == 50
    assert max(chosen) < LOWEST_OF_CLIENTS


def test_a_port_that_is_listened_on_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    [free] = choose_ports(0)
    with socket.create_server((HOST, choose_ports(0)[0])) as taken:
        number = taken.getsockname()[1]
        monkeypatch.setattr(ports.random, "sample", lambda *_: [number, free])
        assert choose_ports(0) == [free]
        monkeypatch.setattr(ports.random, "sample", lambda *_: [number])
        with pytest.raises(PortTakenError, match="1 ports of"):
            choose_ports(0)
    assert number in FREE_PORTS
