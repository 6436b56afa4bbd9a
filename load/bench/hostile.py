"""Records that no client should send, by topic: each is bad by construction, none is like the one before (no I/O)."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson

DEEP = b"[" * 10_000 + b"]" * 10_000
DEPTHS = (65, 250, 600, 900, 1_020)
"""Levels that the JSON parser takes, and that what comes after it may not: our bound, and others' beyond it."""
BIG = 900_000
"""Bytes of the largest ones: just below what Kafka takes."""
ONE_BIG_IN = 2_000
"""One record in so many is big: else a run would be nothing but their bytes."""
ONE_DEEP_IN = 100

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Hostile:
    """A record to be refused: bytes as they go to Kafka."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


Make = Callable[[random.Random, int], Hostile]


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    """JSON of so many levels, as an object of `{"a":` and `}` or a list.

    >>> nested(2), nested(1, b'{"a":', b"}")
    (b'[[0]]', b'{"a":0}')
    """
    return opening * depth + b"0" + closing * depth


def hostile_events(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `user-interactions` that say nothing usable."""
    return mixed((*ANYWHERE, *_EVENTS), count, seed)


def hostile_items(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `item-catalog` that describe nothing."""
    return mixed((*ANYWHERE, *_ITEMS), count, seed)


def hostile_evidence(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `item-transitions` that no worker wrote."""
    return mixed((*ANYWHERE, *_EVIDENCE), count, seed)


def hostile_requests(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `recommendation-requests` that can't be answered."""
    return mixed((*ANYWHERE, *_REQUESTS), count, seed)


def mixed(makers: tuple[Make, ...], count: int, seed: int) -> Iterator[Hostile]:
    """So many records of these makers in turn, a few very deep or very big ones between them."""
    dice = random.Random(seed)
    for number in range(count):
        if number % ONE_BIG_IN == ONE_BIG_IN - 1:
            yield dice.choice(_BIG)(dice, number)
        elif number % ONE_DEEP_IN == ONE_DEEP_IN - 1:
            yield _json(number, b'{"event_type":"view","item_id":' + DEEP + b"}")
        else:
            yield makers[number % len(makers)](dice, number)


def deep(template: bytes) -> Make:
    """Makes records that nest at the place of `%b`, deeper than our bound and less than the parser's."""

    def make(dice: random.Random, number: int) -> Hostile:
        brackets = dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
        return _json(number, template % nested(dice.choice(DEPTHS), *brackets))

    return make


def _json(number: int, value: bytes, headers: Headers = ()) -> Hostile:
    return Hostile(b"h%d" % number, value, headers)


def _body(number: int, **fields: object) -> Hostile:
    return _json(number, orjson.dumps(fields))


def _raw(number: int, text: str) -> Hostile:
    return _json(number, text.encode())


_TOO_LARGE = ",".join(["1e39"] * 256)

ANYWHERE: tuple[Make, ...] = (
    lambda dice, number: _json(number, dice.randbytes(dice.randrange(1, 300))),
    lambda dice, number: _json(number, b"\x00\xff" + dice.randbytes(8)),
    lambda dice, number: _json(number, b"\x00\x00\x00\x00\x07\x02" + dice.randbytes(20)),
    lambda dice, number: _raw(number, f'{{"event_type":"view","item_id":"i{number}"'),
    lambda dice, number: _json(number, orjson.dumps([dice.random() for _ in range(5)])),
    lambda dice, number: _json(number, b""),
    lambda dice, number: _raw(number, "[{}]" * dice.randrange(2, 5)),
    lambda dice, number: _json(number, b'{"user_id":"\xed\xa0\x80%d"}' % number),
    deep(b'{"context":%b}'),
    lambda dice, number: _json(number, b"null", (("ce_specversion", b"\xff"), ("ce_type", dice.randbytes(20)))),
)
_EVENTS: tuple[Make, ...] = (
    lambda dice, number: _body(number, event_type=f"event-{number}", user_id="u", item_id="i"),
    lambda dice, number: _body(number, event_type=number, user_id="u", item_id="i"),
    lambda dice, number: _body(number, event_type="view", user_id="u", item_id={"id": number}),
    lambda dice, number: _body(number, event_type="view", user_id=["u"], item_id="i"),
    lambda dice, number: _body(number, event_type="view", user_id=f"u{number}"),
    lambda dice, number: Hostile(None, orjson.dumps({"event_type": "view", "item_id": f"i{number}"})),
    lambda dice, number: _body(number, event_type="rating", user_id="u", item_id="i", value=f"{number} stars"),
    lambda dice, number: _body(number, event_type="rating", user_id="u", item_id="i", value=number + 6),
    lambda dice, number: _raw(number, '{"event_type":"rating","user_id":"u","item_id":"i","value":NaN}'),
    lambda dice, number: _raw(number, '{"event_type":"rating","user_id":"u","item_id":"i","value":-1e999}'),
    lambda dice, number: _body(number, event_type="view", user_id="u", item_id="i", event_time=-number - 1),
    lambda dice, number: _body(number, event_type="view", user_id="u", item_id="i", event_time="yesterday"),
    lambda dice, number: _body(number, event_type="view", user_id="u" * 2_000, item_id="i"),
    lambda dice, number: _body(number, event_type="view", user_id="u", item_id=f"a\n{number}"),
    lambda dice, number: _body(number, event_type="purchase", user_id="u", items=[f"i{n}" for n in range(2_000)]),
    lambda dice, number: _body(number, event_type="watch", user_id="u", item_id="i", value=number + 2),
    lambda dice, number: _body(number, event_type="identify", user_id="u", anonymous_id="u"),
    lambda dice, number: _body(number, event_type="profile", user_id="u", attributes=[number]),
    lambda dice, number: _body(number, event_type="erase", user_id={"all": True}),
    deep(b'{"event_type":"view","user_id":"u","item_id":"i","context":%b}'),
    deep(b'{"event_type":"profile","user_id":"u","attributes":{"a":%b}}'),
    lambda dice, number: Hostile(b"\xff\xfe%d" % number, None),
)
_ITEMS: tuple[Make, ...] = (
    lambda dice, number: Hostile(b"\xff\xfe%d" % number, orjson.dumps({"title": f"nameless {number}"})),
    lambda dice, number: _body(number, item_id=f"h{number}", price="cheap"),
    lambda dice, number: _raw(number, f'{{"item_id":"h{number}","price":1e999}}'),
    lambda dice, number: _body(number, item_id=f"h{number}", vector=[0.5] * dice.randrange(1, 40)),
    lambda dice, number: _body(number, item_id=f"h{number}", vector=["a"] * 256),
    lambda dice, number: _raw(number, f'{{"item_id":"h{number}","vector":[{_TOO_LARGE}]}}'),
    lambda dice, number: _body(number, item_id=f"h{number}", vector=[0.0] * 256),
    lambda dice, number: _body(number, item_id=f"h{number}", tags={"a": number}),
    lambda dice, number: _body(number, item_id=f"h{number}", available="perhaps"),
    lambda dice, number: _body(number, item_id=f"h{number}", url="javascript:alert(1)"),
    lambda dice, number: _body(number, item_id=f"h{number}", published_at="soon"),
    lambda dice, number: _body(number, item_id=f"h{number}", attributes={f"a{n}": n for n in range(300)}),
    lambda dice, number: _body(number, item_id=f"h\u0000{number}"),
    deep(b'{"item_id":"i","attributes":{"a":%b}}'),
    lambda dice, number: Hostile(b"\xff\xfe%d" % number, None),
)
_EVIDENCE: tuple[Make, ...] = (
    lambda dice, number: _json(number, b"E" + dice.randbytes(60)),
    lambda dice, number: _json(number, b"T" + dice.randbytes(60)),
    lambda dice, number: _json(number, b"E\x01" + dice.randbytes(60)),
    lambda dice, number: _body(number, item_id="i", weight=number),
    lambda dice, number: Hostile(b"h%d" % number, None),
)
_REQUESTS: tuple[Make, ...] = (
    lambda dice, number: _body(number, kind=f"kind-{number}", user_id="u"),
    lambda dice, number: _body(number, kind=["for_user"], user_id="u"),
    lambda dice, number: _body(number, kind="similar_items"),
    lambda dice, number: _body(number, user_id="u", limit=number + 101),
    lambda dice, number: _body(number, user_id="u", limit="ten"),
    lambda dice, number: _body(number, user_id="u", filters={"colour": number}),
    lambda dice, number: _body(number, user_id="u", filters={"price": {"min": "low"}}),
    lambda dice, number: _body(number, user_id="u", exclude=[str(n) for n in range(10_001)]),
    lambda dice, number: _body(number, user_id="u", deadline_ms=-number),
    lambda dice, number: _body(number, user_id="u", min_offset={"partition": -1, "offset": number}),
    lambda dice, number: _body(number, kind="similar_items", item_ids=[f"never-{number}"]),
    lambda dice, number: Hostile(None, orjson.dumps({"kind": "for_user"})),
    deep(b'{"kind":"for_user","user_id":"u","filters":{"attributes":{"a":%b}}}'),
)
_BIG: tuple[Make, ...] = (
    lambda dice, number: _body(number, event_type="view", item_id="i" * (BIG // 2), user_id="u" * (BIG // 2)),
    lambda dice, number: _json(number, b'{"event_type":' + b"[" * (BIG // 2) + b"]" * (BIG // 2) + b"}"),
    lambda dice, number: _json(number, b'{"item_id":' + b"9" * BIG + b"}"),
    lambda dice, number: _json(number, dice.randbytes(BIG)),
)
