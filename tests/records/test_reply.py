"""Replies as clients read them."""

from dataclasses import replace

import numpy as np
import orjson

from workers.errors import BadRecordError
from workers.records.reply import (
    AsOf,
    RecommendationReason,
    RecommendedItem,
    Reply,
    encode_reply,
    error_reply,
)


def test_a_reply_reads_as_documented() -> None:
    reasons = (RecommendationReason("followed_by", 0.2, "i9"), RecommendationReason("trending", 0.05))
    item = RecommendedItem("i1", np.float32(0.25), 1, reasons, title="Heat")  # type: ignore[arg-type]
    reply = Reply("r-1", "for_user", (item,), AsOf(3, 41, 1000), degraded=("transitions",), took_ms={"merge": 0.5})
    body = orjson.loads(encode_reply(reply))
    assert (body["recommendation_id"], body["kind"], body["variant"]) == ("r-1", "for_user", "default")
    assert body["as_of"] == {"partition": 3, "offset": 41, "event_time": 1000}
    assert (body["degraded"], body["took_ms"]) == (["transitions"], {"merge": 0.5})
    [first] = body["items"]
    assert (first["item_id"], first["score"], first["rank"], first["title"]) == ("i1", 0.25, 1, "Heat")
    assert first["reasons"][0] == {"kind": "followed_by", "contribution": 0.2, "item_id": "i9", "rule": None}


def test_a_reply_without_reasons_names_no_titles_and_one_with_them_each_once() -> None:
    plain = Reply("r-1", "trending", ())
    assert orjson.loads(encode_reply(plain))["titles"] == {}
    assert orjson.loads(encode_reply(replace(plain, titles={"i9": "Big"})))["titles"] == {"i9": "Big"}


def test_an_error_reply_names_code_message_and_correlation() -> None:
    body = orjson.loads(encode_reply(error_reply(BadRecordError("too_large", "limit is 100"), "c-1")))
    assert body == {"error": {"code": "too_large", "message": "limit is 100"}, "correlation_id": "c-1"}


def test_what_broke_inside_stays_inside() -> None:
    body = encode_reply(error_reply(RuntimeError("password=1234")))
    assert b"password" not in body
    assert orjson.loads(body)["error"]["code"] == "internal_error"
