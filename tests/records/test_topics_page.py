"""The contract page is true: every example is decoded, every code and header is listed."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from tests.records.builders import NOW_MS
from tests.workers.test_dead_letters import Received
from workers.dead_letters.origin import ORIGIN_HEADER
from workers.dead_letters.writer import OMITTED_HEADER, dead_letter
from workers.errors import BadRecordError
from workers.recommend.served import served_line
from workers.records.codes import HttpFailure, Reason, RequestFailure
from workers.records.event import decode_event
from workers.records.experiment import VariantSettings, decode_experiment
from workers.records.interaction import EventType, Interaction
from workers.records.item import Item
from workers.records.item_update import ItemUpdate, decode_item_event
from workers.records.mapping import load_mapping
from workers.records.person import Erase, Identify, Profile
from workers.records.reply import ErrorReply, Reply, encode_reply
from workers.records.request import KINDS, Request, decode_request
from workers.records.rules import decode_rules

PAGE = (Path(__file__).parents[2] / "docs" / "topics.md").read_text()
EXAMPLES: list[tuple[str, str, str]] = re.findall(
    r"^```json ([a-z-]+) ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


def example(kind: str) -> bytes:
    [found] = [value.encode() for name, _, value in EXAMPLES if name == kind]
    return found


def examples(*kinds: str) -> list[Any]:
    return [
        pytest.param(name, detail, value, id=f"{name} {number}")
        for number, (name, detail, value) in enumerate(EXAMPLES)
        if name in kinds
    ]


def listed(heading: str) -> set[str]:
    """First cells of the first table below a heading."""
    section = PAGE.split(f"# {heading}\n", 1)[1]
    table = section.split("|---", 1)[1].split("\n\n", 1)[0]
    return {name for row in table.splitlines() for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])}


def test_every_block_of_the_page_has_a_kind_that_is_tested() -> None:
    assert PAGE.count("```json") == len(EXAMPLES)
    tested = {"item", "item-update", "interaction", "identify", "profile", "erase", "mapping"}
    tested |= {"request", "reply", "error-reply", "served", "rules", "experiment"}
    assert {name for name, _, _ in EXAMPLES} == tested


MODELS: dict[str, type] = {"interaction": Interaction, "identify": Identify, "profile": Profile, "erase": Erase}


@pytest.mark.parametrize(("kind", "event_type", "value"), examples(*MODELS))
def test_an_event_is_what_the_page_says(kind: str, event_type: str, value: str) -> None:
    event = decode_event(value.encode(), None, NOW_MS)
    assert type(event) is MODELS[kind]
    assert getattr(event, "event_type", "") == event_type
    assert event.subject in {"u1", "guest-77"}


def test_every_event_type_has_an_example() -> None:
    assert {detail for name, detail, _ in EXAMPLES if name == "interaction"} == set(EventType.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kind", "_", "value"), examples("item", "item-update"))
def test_an_item_is_what_the_page_says(kind: str, _: str, value: str) -> None:
    item = decode_item_event(value.encode(), None)
    assert type(item) is (Item if kind == "item" else ItemUpdate)


@pytest.mark.parametrize(("_", "__", "value"), examples("request"))
def test_a_request_is_understood(_: str, __: str, value: str) -> None:
    assert decode_request(value.encode(), None, NOW_MS).kind in KINDS


def test_the_mapping_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_bytes(example("mapping"))
    body = (
        b'{"what": "PDP_SEEN", "occurred": 1714564800, "payload": {"customer": {"id": 7}, "lines": [{"sku": "heat"}]}}'
    )
    event = decode_event(body, None, NOW_MS, mapping=load_mapping(file).interaction)
    assert isinstance(event, Interaction)
    assert (event.event_type, event.subject, event.item_ids, event.event_time) == ("view", "7", ("heat",), NOW_MS)


@pytest.mark.parametrize(("kind", "model"), [("reply", Reply), ("error-reply", ErrorReply)])
def test_a_reply_reads_as_the_page_says(kind: str, model: type) -> None:
    reply: Any = TypeAdapter(model).validate_json(example(kind))
    assert orjson.loads(encode_reply(reply)) == orjson.loads(example(kind))


def test_a_served_line_reads_as_the_page_says() -> None:
    reply = TypeAdapter(Reply).validate_json(example("reply"))
    request = Request(user_id="u1", record_time_ms=NOW_MS)
    assert orjson.loads(served_line(reply, request)) == orjson.loads(example("served"))


def test_the_experiment_is_what_the_page_says() -> None:
    found = decode_experiment(example("experiment"), b"home-list")
    assert [variant.name for variant in found.shown] == ["as-now", "varied"]
    assert found.weights == (2, 1) and found.variants[2].settings.ranker == "fixed"


def test_every_setting_of_a_variant_is_listed() -> None:
    section = PAGE.split("| Setting | Meaning |", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"`(\w+)`", section)) - {"online", "fixed"} == set(VariantSettings.model_fields)


def test_rules_are_what_the_page_says() -> None:
    assert decode_rules(example("rules"), b"home")[1] is not None


def test_every_code_is_listed() -> None:
    assert listed("Codes") == {*Reason, *RequestFailure, *HttpFailure}


def test_every_header_of_a_dead_letter_is_listed() -> None:
    replayed = Received(headers=((ORIGIN_HEADER, b"user-interactions/3/7"),))
    letter = dead_letter(replayed, BadRecordError("invalid_json", "no JSON"), "interactions")
    assert listed("`dead-letters`") == {*(name for name, _ in letter.headers), OMITTED_HEADER}


def test_contributions_sum_to_the_score() -> None:
    reply = asdict(TypeAdapter(Reply).validate_json(example("reply")))
    for item in reply["items"]:
        assert sum(reason["contribution"] for reason in item["reasons"]) == pytest.approx(item["score"])
