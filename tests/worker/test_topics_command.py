"""`tastestream topics`: what it creates, shows and refuses (real broker)."""

from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.worker.process import Worker
from tests.worker.tool import tastestream
from workers.runtime.run import EXIT_MISCONFIGURED


@pytest.fixture
def worker(broker: str, tmp_path: Path) -> Worker:
    """The settings of a worker that never runs."""
    return Worker(broker, tmp_path)


async def states(worker: Worker) -> dict[str, str]:
    """What `topics list` says of each topic."""
    _, *rows = (await tastestream(worker, "topics", "list")).text.splitlines()
    return {row[0]: row[-1] for row in map(str.split, rows)}


async def test_a_check_names_what_is_missing_and_changes_nothing_until_topics_are_made(worker: Worker) -> None:
    prefix = worker.topics.prefix
    ran = await tastestream(worker, "topics", "check")
    assert ran.code == 1
    assert f"{prefix}user-interactions is missing: `tastestream topics` creates it" in ran.text
    assert [line.split() for line in (await tastestream(worker, "topics", "list")).text.splitlines()][1][
        -1
    ] == "missing"
    assert (await tastestream(worker, "topics")).code == 0
    ran = await tastestream(worker, "topics", "check")
    assert (ran.code, ran.text) == (0, "all 17 topics OK\n")
    assert set((await states(worker)).values()) == {"ok"}


async def test_a_topic_of_another_partition_count_is_a_problem_that_a_check_names(worker: Worker) -> None:
    assert (await tastestream(worker, "topics")).code == 0
    worker.settings["user_partitions"] = 3
    ran = await tastestream(worker, "topics", "check")
    assert ran.code == 1
    assert "user-interactions has 4 partitions, expected 3" in ran.text
    assert "item-catalog" not in ran.text


async def test_a_topic_for_replies_is_created_once_as_asked_for(worker: Worker) -> None:
    name = f"{worker.topics.prefix}answers"
    asked = ("topics", "create", name, "--partitions", "3", "--keep", "1h")
    ran = await tastestream(worker, *asked)
    assert (ran.code, ran.text) == (0, f"created topic {name}: 3 partitions\n")
    admin = AIOKafkaAdminClient(bootstrap_servers=worker.bootstrap)
    await admin.start()
    try:
        [described] = await admin.describe_topics([name])
    finally:
        await admin.close()
    assert len(described["partitions"]) == 3
    ran = await tastestream(worker, *asked)
    assert (ran.code, ran.text) == (0, f"topic {name} exists already: 3 partitions\n")
    ran = await tastestream(worker, "topics", "create", name, "--partitions", "4")
    assert ran.code == EXIT_MISCONFIGURED
    assert ran.text.startswith(
        f"tastestream: topic {name} exists already, with 3 partitions and clean-up policy delete"
    )
    assert (await tastestream(worker, "topics", "create", name, "--compacted")).code == EXIT_MISCONFIGURED


@pytest.mark.parametrize(("name", "said"), [("a/b", "can't be a topic's name"), ("", "the worker's own")])
async def test_a_name_that_can_not_be_or_is_taken_by_the_worker_is_one_line(
    worker: Worker, name: str, said: str
) -> None:
    ran = await tastestream(worker, "topics", "create", name or worker.topics.user_interactions)
    assert ran.code == EXIT_MISCONFIGURED
    assert said in ran.text and ran.text.count("\n") == 1
