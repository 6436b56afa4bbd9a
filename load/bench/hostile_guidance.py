"""Records that no client should send to the topics that every worker follows, and to `item-vectors` (no I/O).

Half of them carry a key that means something there: what it meant before must stay.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson

from load.bench.hostile import ANYWHERE, Hostile, Make, deep, mixed
from models.ranking.ranker_weights import RankerWeights
from workers.items.slots import key_of
from workers.topics import Topics

Corpus = Callable[[int, int], Iterator[Hostile]]

SCENARIO, EXPERIMENT = "known", "known"
"""Of the good records that the hostile ones lie between."""
MADE_MS = 1_714_564_800_000


def hostile_rules(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `recommendation-rules` that rule nothing."""
    return _often_keyed((*ANYWHERE, *_RULES), (SCENARIO.encode(), b"default", b"\xff\xfe"), count, seed)


def hostile_experiments(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `experiments` that define nothing."""
    return _often_keyed((*ANYWHERE, *_EXPERIMENTS), (EXPERIMENT.encode(), b"\xff\xfe"), count, seed)


def hostile_weights(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `ranker-weights` that no ranker learned."""
    return _often_keyed((*ANYWHERE, *_WEIGHTS), (b"worker-1", b"\xff\xfe"), count, seed)


def hostile_versions(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `item-vectors-versions` that speak of no version."""
    return _often_keyed((*ANYWHERE, *_VERSIONS), (b"a", b"b", b"active"), count, seed)


def hostile_vectors(count: int, seed: int) -> Iterator[Hostile]:
    """Records of `item-vectors` that hold no vector."""
    keys = tuple(key_of(f"item-{number}", slot) for number in range(3) for slot in "ab")
    return _often_keyed((*ANYWHERE, *_VECTORS), keys, count, seed)


def corpora(topics: Topics) -> dict[str, Corpus]:
    """The hostile records of each followed topic."""
    return {
        topics.recommendation_rules: hostile_rules,
        topics.experiments: hostile_experiments,
        topics.ranker_weights: hostile_weights,
        topics.item_vectors_versions: hostile_versions,
    }


def good_guidance(topics: Topics) -> dict[str, list[Hostile]]:
    """One good record of each followed topic, two where a pointer belongs to it."""
    slot = {"version": MADE_MS, "slot": "a", "source": "test", "items": 0, "with_vector": 0, "ready": True, "ends": {}}
    variants = [{"name": "as-now"}, {"name": "varied", "settings": {"diversity": 0.3}}]
    return {
        topics.recommendation_rules: [_of(SCENARIO, {"diversity": 0.2})],
        topics.experiments: [_of(EXPERIMENT, {"name": EXPERIMENT, "variants": variants})],
        topics.ranker_weights: [Hostile(b"worker-1", RankerWeights(examples=1, time_ms=MADE_MS).pack())],
        topics.item_vectors_versions: [_of("a", slot), _of("active", {"active": MADE_MS, "previous": None})],
    }


def _often_keyed(makers: tuple[Make, ...], keys: tuple[bytes, ...], count: int, seed: int) -> Iterator[Hostile]:
    for number, record in enumerate(mixed(makers, count, seed)):
        # What is no record without its key keeps the one that it was made with, and an empty value stays one.
        yield replace(record, key=keys[number // 2 % len(keys)] if number % 2 else record.key or b"h")


def _of(key: str, body: object) -> Hostile:
    return Hostile(key.encode(), orjson.dumps(body))


def _body(**fields: object) -> Make:
    return lambda dice, number: Hostile(b"h%d" % number, orjson.dumps(fields))


def _text(value: str) -> Make:
    return lambda dice, number: Hostile(b"h%d" % number, value.encode())


def _weights(**changed: str) -> Make:
    """Packed weights with some of their fields replaced by JSON."""
    packed = {name: orjson.dumps(part).decode() for name, part in orjson.loads(RankerWeights().pack()).items()}
    return _text("{" + ",".join(f'"{name}":{part}' for name, part in {**packed, **changed}.items()) + "}")


def _vector(version: int, dim: int, number: float, cut: int | None = None) -> Make:
    value = b"V\x01" + struct.pack("<qI", version, dim) + struct.pack("<f", number) * dim
    return lambda dice, _: Hostile(b"a/i", value[:cut])


_WHERE = {"where": {"category": "films"}}
_RULES: tuple[Make, ...] = (
    _body(diversity=7),
    _body(caps={"*": 0}),
    _body(boosts=[{}]),
    _body(boosts=[{"name": "b", **_WHERE, "factor": 0}] * 3),
    _body(boosts=[{"name": f"b{n}", **_WHERE, "add": 0.1} for n in range(100)]),
    _body(blocks=[{"item_ids": ["a"], **_WHERE}]),
    _body(pins=[{"rank": 1, "item_ids": ["a"]}, {"rank": 1, "item_ids": ["b"]}]),
    _body(filters={"colour": "red"}),
    _body(note="x" * 70_000),
    _text('{"explore":NaN}'),
    deep(b'{"boosts":%b}'),
    deep(b'{"filters":{"attributes":{"a":%b}}}'),
    deep(b'{"blocks":[{"where":{"attributes":{"a":%b}}}]}'),
)
_EXPERIMENTS: tuple[Make, ...] = (
    _body(name="another"),
    _body(name="another", variants=[{"name": "a"}]),
    _body(name=EXPERIMENT, variants=[]),
    _body(name=EXPERIMENT, variants=[{"name": "a"}, {"name": "a"}]),
    _body(name=EXPERIMENT, variants=[{"name": "a", "shadow": True}]),
    _body(name=EXPERIMENT, variants=[{"name": "a", "weight": -1}]),
    _body(name=EXPERIMENT, variants=[{"name": "a", "settings": {"colour": 1}}]),
    _body(name=EXPERIMENT, variants=[{"name": f"v{n}"} for n in range(100)]),
    _text(f'{{"name":"{EXPERIMENT}","variants":[{{"name":"a","weight":1e999}}]}}'),
    deep(b'{"name":"known","variants":%b}'),
    deep(b'{"name":"known","variants":[{"name":"a","settings":%b}]}'),
    deep(b'{"name":"known","variants":[{"name":"a"}],"context":%b}'),
)
_WEIGHTS: tuple[Make, ...] = (
    _weights(version="2"),
    _weights(buckets='["always"]'),
    _weights(values="[]"),
    _weights(values='{"taste":[[1,2]]}'),
    _weights(values='{"taste":"loud"}'),
    _weights(values=f'{{"taste":{orjson.dumps([[1e300, 0.0]] * 11).decode()}}}'),
    _weights(squares=f'{{"taste":{orjson.dumps([[0.0, 0.0]] * 11).decode()}}}'),
    _weights(examples="1e400"),
    _weights(examples="Infinity"),
    _weights(examples="1" + "0" * 400),
    _weights(examples="-1"),
    _weights(time_ms="null"),
    deep(b'{"version":1,"buckets":%b}'),
    deep(b'{"version":%b}'),
)
_VERSIONS: tuple[Make, ...] = (
    _body(active="x", previous=None),
    _body(active=True, previous=None),
    _body(active=-5, previous=None),
    _body(active=10**18, previous=None),
    _body(slot="a", version=[1], source="s", items=1),
    _body(slot="b", version=1.5, source="s", items=1),
    _body(slot="c", version=1, source="s", items=1),
    _body(slot="a", version=1, source="s" * 1_000, items=1),
    _body(slot="a", version=1, source="s", items=1, ends={"x": 1}),
    _body(slot="b", version=1, source="s", items=1, ends=[1]),
    deep(b'{"active":%b,"previous":null}'),
    deep(b'{"slot":"a","version":%b,"source":"s","items":1}'),
)
_VECTORS: tuple[Make, ...] = (
    _vector(MADE_MS, 3, 0.5),
    _vector(MADE_MS, 64, float("nan")),
    _vector(MADE_MS, 64, float("inf")),
    _vector(MADE_MS, 64, 0.5, cut=100),
    _vector(2**62, 64, 0.5),
    _vector(-1, 64, 0.5),
    lambda dice, number: Hostile(b"a/i", b"V\x02" + dice.randbytes(60)),
    lambda dice, number: Hostile(b"a/i", b"V\x01" + struct.pack("<qI", number, 2**32 - 1)),
    _text('{"item_id":"i","vector":[1]}'),
)
