"""The settings of a single-node Kafka (KRaft) for one machine: small, quick to start, on 127.0.0.1 only."""

from collections.abc import Mapping
from pathlib import Path

from infra.ports import HOST

CLIENTS = "CLIENTS"  # the listener that clients, and the broker itself, connect to


def server_properties(log_dir: Path, port: int, controller_port: int, overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the broker's properties; `overrides` win."""
    return {
        **_node(log_dir, port, controller_port),
        **_single_replica(),
        **_quick_return(),
        **_clients(),
        **_small_machine(),
        **overrides,
    }


def render(properties: Mapping[str, str]) -> str:
    """Return the properties as a Java properties file.

    >>> render({"node.id": "1"})
    'node.id=1\\n'
    """
    # A backslash starts an escape in this format; nothing else of ours needs one.
    return "".join(f"{key}={value}\n".replace("\\", "\\\\") for key, value in properties.items())


def _node(log_dir: Path, port: int, controller_port: int) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"{CLIENTS}://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"{CLIENTS}://{HOST}:{port}",
        "inter.broker.listener.name": CLIENTS,
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": f"{CLIENTS}:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(log_dir),
    }


def _single_replica() -> dict[str, str]:
    """Return what makes internal topics possible on one node; with the defaults (3) no group could commit."""
    return {
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }


def _quick_return() -> dict[str, str]:
    """Return what lets a broker come back soon: it may register only when it is not registered any more.

    An orderly stop signs off (`controlled.shutdown.enable`, on by default; without it a restart took 13 s).
    After kill -9 the session must run out: 13 s with the default of 9 s, 4 s with this one. Below about 1 s
    a busy machine loses a live broker.
    """
    return {
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "250",
        # How often transactions are searched whose producer died, 10 s by default: until then each hides what
        # comes after it from readers of committed records.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    }


def _clients() -> dict[str, str]:
    return {
        "auto.create.topics.enable": "false",  # a mistyped topic fails instead of getting one partition
        "group.initial.rebalance.delay.ms": "0",  # 3 s by default, waiting for members that never come here
        "group.min.session.timeout.ms": "1000",  # 6 s by default: a killed member would be missed that late
    }


def _small_machine() -> dict[str, str]:
    return {
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "num.recovery.threads.per.data.dir": "2",  # after kill -9 every segment is read again
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": str(16 << 20),  # bytes of heap, 700,000 keys a pass; default 128 MiB
        "offsets.topic.num.partitions": "4",  # 50 by default: 50 folders to create and to load for one group
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.num.partitions": "4",
    }
