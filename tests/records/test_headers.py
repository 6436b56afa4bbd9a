"""The reply's address: bytes come back as they came, and no reply lands in a topic of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.builders import encoded, request
from workers.records.headers import InHeaders, ReplyTo, reply_to
from workers.topics import Topics

DEFAULT = "recommendation-replies"
CORRELATION = bytes(range(240, 256))  # as Spring's random ids, not UTF-8


def address(headers: InHeaders = (), value: bytes | None = b"{}") -> ReplyTo:
    return reply_to(headers, value, DEFAULT, Topics().may_reply_to)


def test_without_an_address_the_reply_goes_to_the_default_topic() -> None:
    assert address() == ReplyTo(DEFAULT)


def test_springs_headers_are_honoured_and_echoed_byte_for_byte() -> None:
    headers = [
        ("kafka_correlationId", CORRELATION),
        ("kafka_replyTopic", b"shop-replies"),
        ("kafka_replyPartition", (3).to_bytes(4, "big")),
    ]
    assert address(headers) == ReplyTo("shop-replies", 3, (("kafka_correlationId", CORRELATION),))


@pytest.mark.parametrize(
    ("correlation", "topic"),
    [
        ("correlation_id", "reply_to"),
        ("Faust-Ag-CorrelationId", "Faust-Ag-ReplyTo"),
        ("correlationId", "replyTo"),
    ],
)
def test_plain_and_faust_headers_come_back_under_their_own_name(correlation: str, topic: str) -> None:
    assert address([(correlation, CORRELATION), (topic, b"mine")]) == ReplyTo(
        "mine", None, ((correlation, CORRELATION),)
    )


def test_body_fields_serve_clients_without_headers() -> None:
    assert address(value=request(correlation_id="c-1", reply_to="mine")) == ReplyTo("mine", correlation_id="c-1")
    assert address(value=request(correlationId=7, replyTo="mine")) == ReplyTo("mine", correlation_id=7)


def test_headers_win_over_the_body() -> None:
    assert address([("reply_to", b"header")], request(reply_to="body")).topic == "header"


def test_the_last_of_repeated_headers_counts() -> None:
    assert address([("correlation_id", b"1"), ("correlation_id", b"2")]).headers == (("correlation_id", b"2"),)


def test_a_request_that_is_not_json_still_has_an_address() -> None:
    assert address([("reply_to", b"mine"), ("correlation_id", b"c")], b"{{{").topic == "mine"


@pytest.mark.parametrize(("content", "partition"), [(b"\x00\x00\x00\x00", 0), (b"12", 12), (b"1234", 1234), (b"0", 0)])
def test_a_partition_is_a_big_endian_int_or_text(content: bytes, partition: int) -> None:
    assert address([("reply_to", b"mine"), ("kafka_replyPartition", content)]).partition == partition


@pytest.mark.parametrize("content", [b"", b"-1", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"one", b"1" * 30])
def test_a_useless_partition_is_refused_at_the_default_topic(content: bytes) -> None:
    refused = address([("reply_to", b"mine"), ("kafka_replyPartition", content)])
    assert (refused.topic, refused.partition) == (DEFAULT, None)
    assert "kafka_replyPartition" in refused.refused


@pytest.mark.parametrize(
    "topic",
    [
        b"user-interactions",
        b"item-catalog",
        b"recommendation-requests",
        b"recommendations-served",
        b"item-transitions",
        b"dead-letters",
        b"user-state-changelog",
        b"another-service-changelog",
        b"__consumer_offsets",
        b"../etc",
        b"..",
        b"",
        b"a b",
        b"x" * 250,
        b"\xff",
    ],
)
def test_no_reply_goes_to_an_internal_or_illegal_topic(topic: bytes) -> None:
    refused = address([("kafka_replyTopic", topic), ("kafka_correlationId", CORRELATION)])
    assert refused.topic == DEFAULT
    assert refused.refused
    assert refused.headers == (("kafka_correlationId", CORRELATION),)


def test_a_reply_topic_in_the_body_is_checked_too() -> None:
    asked: list[object] = ["item-catalog", ["mine"], {}, 7.5, True]
    for topic in asked:
        checked = address(value=encoded({"reply_to": topic}))
        assert checked.topic in (DEFAULT, "7.5", "True")
    assert address(value=encoded({"reply_to": "item-catalog"})).refused


def test_a_correlation_too_large_to_echo_is_refused() -> None:
    refused = address([("correlation_id", b"x" * 5000), ("reply_to", b"mine")])
    assert (refused.topic, refused.headers) == (DEFAULT, ())
    assert "correlation_id" in refused.refused


NAMES = st.sampled_from(
    ["kafka_correlationId", "kafka_replyTopic", "kafka_replyPartition", "reply_to", "correlation_id", "x"]
)


@given(st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=300)), max_size=8), st.none() | st.binary())
def test_any_headers_give_an_address_that_kafka_takes(headers: InHeaders, value: bytes | None) -> None:
    found = address(headers, value)
    assert Topics().may_reply_to(found.topic)
    assert all(pair in headers for pair in found.headers)
    assert found.partition is None or 0 <= found.partition <= 9_999_999
