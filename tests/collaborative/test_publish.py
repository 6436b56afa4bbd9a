"""Publishing without a worker: what is begun, broken off, disturbed or not taken yet never answers (real broker)."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from infra.ports import choose_ports
from tests.kafka import unique_name
from workers.admin.vectors import publish as publishing
from workers.admin.vectors.publish import activate, publish, read_versions
from workers.admin.vectors.train import Trained
from workers.errors import ConfigurationError, DependencyError
from workers.items.slots import key_of, value_of
from workers.runtime.run import prepare_topics
from workers.settings import Settings, load_settings
from workers.topics import Topics

TRAINED = Trained(["p", "q", "r"], np.eye(3, 64, dtype=np.float32), "test")


class CutOffError(Exception):
    """The command dies here."""


@pytest_asyncio.fixture
async def service(broker: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings of a service of its own, without a worker."""
    settings = load_settings(
        bootstrap_servers=broker,
        topic_prefix=unique_name("t") + ".",
        app_id=unique_name("app"),
        data_path=tmp_path,
        web_port=choose_ports(0)[0],
        user_partitions=2,
        item_partitions=2,
    )
    await prepare_topics(settings)
    yield settings


async def test_a_version_that_no_worker_has_taken_does_not_answer(service: Settings) -> None:
    made = await publish(service, TRAINED)
    assert (made.slot, made.items, made.with_vector, sum(made.ends.values())) == ("a", 3, 3, 3)
    with pytest.raises(DependencyError, match=f"retrain activate {made.version}"):
        await activate(service, None, wait_s=0.5)
    assert (await read_versions(service)).active_slot() is None


async def test_a_command_that_dies_half_way_leaves_a_slot_that_is_filled_again(service: Settings) -> None:
    def die() -> None:
        raise CutOffError

    with pytest.raises(CutOffError):
        await publish(service, TRAINED, die)
    [broken] = (await read_versions(service)).slots.values()
    with pytest.raises(ConfigurationError, match="not complete"):
        await activate(service, broken.version, wait_s=0)
    first = await publish(service, TRAINED)
    second = await publish(service, TRAINED)
    assert (first.ready, second.ready) == (True, True) and broken.version < first.version < second.version
    assert set((await read_versions(service)).slots) == {"a", "b"}


async def test_vectors_that_come_in_between_are_noticed(service: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = publishing._ends, [0]

    async def disturbed(settings: Settings) -> dict[int, int]:
        calls[0] += 1
        if calls[0] == 2:
            async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers) as other:
                topic = Topics(settings.topic_prefix).item_vectors
                await other.send_and_wait(topic, value_of(1, None), key=key_of("p", "a"), partition=0)
        return await real(settings)

    monkeypatch.setattr(publishing, "_ends", disturbed)
    with pytest.raises(ConfigurationError, match="another process published"):
        await publish(service, TRAINED)
    assert not any(held.ready for held in (await read_versions(service)).slots.values())
