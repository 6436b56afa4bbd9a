"""A broker that wants TLS and a login: the worker gets in, or ends clearly; its password is seen nowhere."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from infra.broker import Broker
from infra.kafka_security import BrokerSecurity
from load.client.client import request_client
from load.client.kafka import bulk_producer, ensure_own_topics
from tests.infra.certificates import new_authority
from tests.kafka import unique_name
from tests.waiting import until
from tests.worker.builders import event, item
from tests.worker.process import PROJECT, Worker
from workers.errors import DependencyError
from workers.settings import load_settings
from workers.stream.connect import ClientOptions
from workers.stream.refusal import refusal
from workers.stream.security import client_options
from workers.stream.topic_admin import ensure_topics
from workers.topics import TopicSpec

USER, PASSWORD = "shop", "a-password-that-must-not-show"
LONG_PATIENCE_S, SOON_S = 60, 20.0


@pytest.fixture(scope="module")
def security(tmp_path_factory: pytest.TempPathFactory) -> BrokerSecurity:
    folder = tmp_path_factory.mktemp("certificates")
    authority = new_authority(folder)
    users = {"broker": "of-the-broker", USER: PASSWORD}
    return BrokerSecurity(authority.keystore(folder / "broker.pem"), authority.ca_file, users)


@pytest.fixture(scope="module")
def secured(security: BrokerSecurity) -> Iterator[str]:
    """Bootstrap servers of a broker with SASL_SSL."""
    with Broker(security=security) as running:
        yield running.bootstrap


@pytest.fixture
def login(secured: str, security: BrokerSecurity) -> dict[str, Any]:
    """Settings that let a client in."""
    return {
        "bootstrap_servers": secured,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": USER,
        "sasl_password": PASSWORD,
        "ssl_ca_file": security.authority,
        "patience_s": LONG_PATIENCE_S,
    }


def worker_of(login: dict[str, Any], folder: Path, **settings: object) -> Worker:
    made = {**login, **settings}
    return Worker(str(made.pop("bootstrap_servers")), folder, **made)


@pytest_asyncio.fixture
async def worker(login: dict[str, Any], tmp_path: Path) -> AsyncIterator[Worker]:
    running = worker_of(login, tmp_path)
    try:
        yield await running.start()
    finally:
        running.kill()


async def test_a_worker_behind_sasl_and_tls_ingests_answers_and_shows_no_password(
    worker: Worker, login: dict[str, Any]
) -> None:
    options = client_options(load_settings(**login))
    await _publish(worker, options)
    await until(lambda: _applied(worker), deadline_s=SOON_S)
    replies = f"{worker.topics.prefix}replies"
    await ensure_own_topics(options, [replies])
    async with request_client(options, worker.topics.recommendation_requests, replies) as client:
        answer = await client.ask({"kind": "for_user", "user_id": "u"})
    assert [one["item_id"] for one in answer["items"]] == ["b"]
    shown = "\n".join([worker.log, str(await worker.metrics()), _command_lines()])
    assert PASSWORD not in shown
    assert await worker.stop() == 0, worker.log[-4000:]
    assert PASSWORD not in worker.log


async def test_the_tools_go_by_the_workers_settings(worker: Worker, login: dict[str, Any]) -> None:
    await _publish(worker, client_options(load_settings(**login)))
    asked = await _command(worker, "ask", "u")
    assert asked.returncode == 0, asked.stderr
    loaded = await _command(worker, "load", "--seconds", "0.5", "--rate", "5")
    assert loaded.returncode == 0, loaded.stderr
    assert "echo" in loaded.stdout
    listed = await _command(worker, "dlq", "list")
    assert listed.returncode == 0, listed.stderr
    shown = "".join(ended.stdout + ended.stderr for ended in (asked, loaded, listed))
    assert PASSWORD not in shown


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_every_mechanism_logs_in(login: dict[str, Any], mechanism: str) -> None:
    options = client_options(load_settings(**{**login, "sasl_mechanism": mechanism}))
    await ensure_topics(options, [TopicSpec(unique_name("t"), 1, "delete", {}, fixed=True)], 1)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
async def test_a_wrong_password_ends_the_worker_at_once_and_waits_for_a_person(
    login: dict[str, Any], tmp_path: Path, mechanism: str
) -> None:
    worker = worker_of(login, tmp_path, sasl_password="wrong-and-secret", sasl_mechanism=mechanism)
    assert await _ended(worker) == 78
    assert f"refuses user '{USER}' ({mechanism})" in worker.log
    assert "check TASTESTREAM_SASL_USERNAME, TASTESTREAM_SASL_PASSWORD" in worker.log
    assert "wrong-and-secret" not in worker.log
    assert "Traceback" not in worker.log


async def test_a_broker_signed_by_no_trusted_authority_is_not_spoken_to(login: dict[str, Any], tmp_path: Path) -> None:
    worker = worker_of(login, tmp_path, ssl_ca_file=new_authority(tmp_path / "other").ca_file)
    assert await _ended(worker) == 78
    assert "its certificate is not trusted" in worker.log
    assert "TASTESTREAM_SSL_CA_FILE" in worker.log
    assert PASSWORD not in worker.log


async def test_a_tool_with_a_wrong_password_says_so(worker: Worker) -> None:
    worker.settings["sasl_password"] = "wrong-and-secret"
    topic = worker.topics.user_interactions
    for command in (
        ("ask", "u"),
        ("load", "--seconds", "0.5"),
        ("topics",),
        ("schema", "detect", "--topic", topic),
        ("dlq", "list"),
    ):
        ended = await _command(worker, *command)
        assert ended.returncode == 78, ended.stderr
        assert "TASTESTREAM_SASL_PASSWORD" in ended.stderr
        assert "wrong-and-secret" not in ended.stderr


async def test_a_broker_that_asks_for_certificates_takes_ours(security: BrokerSecurity, tmp_path: Path) -> None:
    authority = new_authority(tmp_path)
    pem = authority.keystore(tmp_path / "broker.pem")
    strict = BrokerSecurity(pem, authority.ca_file, security.users, client_certificates=True)
    with Broker(security=strict) as running:
        login: dict[str, Any] = {
            "bootstrap_servers": running.bootstrap,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "PLAIN",
            "sasl_username": USER,
            "sasl_password": PASSWORD,
            "ssl_ca_file": authority.ca_file,
        }
        own = {"ssl_cert_file": pem, "ssl_key_file": pem}
        spec = TopicSpec(unique_name("t"), 1, "delete", {}, fixed=True)
        await ensure_topics(client_options(load_settings(**login, **own)), [spec], 1)
        with pytest.raises(DependencyError, match="Does it speak SASL_SSL"):
            await ensure_topics(client_options(load_settings(**login)), [spec], 1)


async def test_no_encryption_on_a_port_that_wants_it_ends_after_the_patience(secured: str, tmp_path: Path) -> None:
    worker = Worker(secured, tmp_path, patience_s=2)
    assert await _ended(worker) == 1
    assert "Does it speak PLAINTEXT there?" in worker.log


async def test_a_broker_that_is_away_does_not_refuse() -> None:
    assert await refusal({"bootstrap_servers": "127.0.0.1:1"}) is None


async def _publish(worker: Worker, options: ClientOptions) -> None:
    async with bulk_producer(options) as producer:
        for key in "ab":
            await producer.send_and_wait(worker.topics.item_catalog, orjson.dumps(item(key)), key=key.encode())
        await producer.send_and_wait(worker.topics.user_interactions, orjson.dumps(event("u", "a")), key=b"u")


async def _applied(worker: Worker) -> bool:
    return await worker.value("tastestream_state_entries", table="items") >= 2 and bool(
        await worker.value("tastestream_events_total", outcome="applied")
    )


async def _ended(worker: Worker) -> int:
    worker.spawn()
    try:
        return await worker.ended(within_s=SOON_S)
    finally:
        worker.kill()


async def _command(worker: Worker, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers.cli", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, env=worker.environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )


def _command_lines() -> str:
    """Of all processes: every user of the machine can read them."""
    return "\n".join(_read(process / "cmdline") for process in Path("/proc").iterdir() if process.name.isdigit())


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
