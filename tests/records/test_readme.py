"""README's sample request and reply are what the service takes and gives."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from tests.records.builders import NOW_MS
from workers.records.reply import Reply, encode_reply
from workers.records.request import decode_request

PAGE = (Path(__file__).parents[2] / "README.md").read_text()
EXAMPLES: dict[str, str] = dict(re.findall(r"^```json (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_the_request_is_understood() -> None:
    request = decode_request(EXAMPLES["request"].encode(), b"42", NOW_MS)
    assert (request.kind, request.subject, request.limit) == ("for_user", "42", 1)


def test_the_reply_has_every_field_and_its_reasons_sum_to_the_score() -> None:
    reply: Any = TypeAdapter(Reply).validate_json(EXAMPLES["reply"])
    assert orjson.loads(encode_reply(reply)) == orjson.loads(EXAMPLES["reply"])
    for item in asdict(reply)["items"]:
        assert sum(reason["contribution"] for reason in item["reasons"]) == pytest.approx(item["score"])
