"""TCP ports of 127.0.0.1: free ones, taken ones, and whether a Kafka broker answers on one (sockets)."""

import random
import socket
import ssl
import struct
from contextlib import ExitStack
from pathlib import Path

from infra.errors import PortTakenError

HOST = "127.0.0.1"
LAST_PORT = 65_535
PROBE_TIMEOUT_S = 1.0
# Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): one of these
# may be taken by any client on the machine between the choice and the use.
FREE_PORTS = range(20_000, 32_768)
FREE_TRIES = 100
# Kafka protocol: size | api_key 18 (ApiVersions) | version 0 | correlation id | null client id. Version 0 is
# answered by every broker, before authentication, so that clients can start the conversation with it.
_API_VERSIONS = struct.pack(">hhih", 18, 0, 7, -1)
_REQUEST = struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS
_RESPONSE_HEAD = struct.Struct(">iih")  # size, correlation id, error code


def choose_ports(*wanted: int) -> list[int]:
    """Return the wanted ports, with a free one for each 0; a taken one raises `PortTakenError`.

    Another process can take a port between this call and its use: a caller that asks for 0 tries again then.
    """
    chosen: list[int] = []
    with ExitStack() as held:
        for port in wanted:
            chosen.append(_bind(held.enter_context(socket.socket()), port) if port else _free(held, chosen))
    return chosen


def _free(held: ExitStack, chosen: list[int]) -> int:
    candidates = [port for port in random.sample(FREE_PORTS, FREE_TRIES) if port not in chosen]
    for port in candidates:
        try:
            return _bind(held.enter_context(socket.socket()), port)
        except PortTakenError:
            continue
    raise PortTakenError(f"{len(candidates)} ports of {HOST} were tried, and other processes have all of them.")


def _bind(probe: socket.socket, port: int) -> int:
    if not 0 <= port <= LAST_PORT:
        raise PortTakenError(f"There is no port {port}: choose one up to {LAST_PORT} (0 takes a free one).")
    # As Java does: a port whose old connections still linger in TIME_WAIT counts as free.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((HOST, port))
    except OSError as error:
        raise PortTakenError(
            f"Port {port} of {HOST} can't be used ({error.strerror}). "
            "Stop the process that has it, or choose another port (0 takes a free one)."
        ) from error
    return int(probe.getsockname()[1])


def kafka_answers(port: int, keystore: Path | None = None) -> bool:
    """Tell whether a Kafka broker answers an ApiVersions request on this port without an error.

    With `keystore`, a PEM file of key and certificate, over TLS.
    """
    try:
        with socket.create_connection((HOST, port), PROBE_TIMEOUT_S) as plain, _wrapped(plain, keystore) as connection:
            connection.sendall(_REQUEST)
            head = _received(connection, _RESPONSE_HEAD.size)
    except OSError:
        return False
    return len(head) == _RESPONSE_HEAD.size and _RESPONSE_HEAD.unpack(head)[1:] == (7, 0)


def _wrapped(plain: socket.socket, keystore: Path | None) -> socket.socket:
    if keystore is None:
        return plain
    # Whether anything answers is all that is asked here; clients check who it is.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(keystore)
    return context.wrap_socket(plain)


def _received(connection: socket.socket, size: int) -> bytes:
    head = b""
    while len(head) < size and (part := connection.recv(size - len(head))):
        head += part
    return head
