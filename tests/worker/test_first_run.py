"""What a person meets who starts things in the wrong order: one line that says what to do, at once."""

from pathlib import Path

import pytest

from tests.kafka import unique_name
from tests.worker.process import Worker
from tests.worker.shop import Shop
from tests.worker.tool import tastestream

CONFIGURATION = 78


@pytest.mark.parametrize(
    ("command", "topic"),
    [
        (("retrain", "list"), "item-vectors-versions"),
        (("retrain", "--rollback"), "item-vectors-versions"),
        (("ranker", "show"), "ranker-weights"),
        (("ask", "42"), "recommendation-requests"),
        (("load", "--seconds", "1"), "recommendation-requests"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_a_command_before_any_worker_names_the_topic_that_is_missing(
    broker: str, tmp_path: Path, command: tuple[str, ...], topic: str
) -> None:
    worker = Worker(broker, tmp_path)
    ran = await tastestream(worker, *command)
    assert ran.code == CONFIGURATION
    assert f"there is no topic {worker.topics.prefix}{topic}" in ran.text and "start a worker" in ran.text
    assert len(ran.text.splitlines()) == 1


async def test_a_question_to_a_service_without_workers_says_so(shop: Shop, tmp_path: Path) -> None:
    empty_group = shop.worker.twin(app_id=unique_name("nobody"))
    ran = await tastestream(empty_group, "ask", "42")
    assert (ran.code, len(ran.text.splitlines())) == (1, 1)
    assert f"no worker runs: group {empty_group.group} has no members" in ran.text


async def test_a_question_to_a_service_with_a_worker_is_answered(shop: Shop) -> None:
    assert (await tastestream(shop.worker, "ask", "42")).code == 0


@pytest.mark.parametrize(
    ("setting", "said"),
    [("web_port", "TASTESTREAM_WEB_PORT"), ("data_path", "TASTESTREAM_DATA_PATH")],
)
async def test_a_second_worker_on_the_port_or_the_folder_of_the_first_ends_with_one_line(
    shop: Shop, setting: str, said: str
) -> None:
    second = shop.worker.twin(**{setting: shop.worker.settings[setting]}, app_id=unique_name("second"))
    second.spawn()
    assert await second.ended(within_s=30.0) == CONFIGURATION
    errors = [line for line in second.log.splitlines() if " INFO " not in line]
    assert len(errors) == 1 and said in errors[0]
