"""Weights on their way between workers."""

import json

import numpy as np
import pytest

from models.ranking.fusion import Situation
from models.ranking.ranker import OnlineRanker
from models.ranking.ranker_weights import SOURCES, STALE_AFTER_MS, RankerWeights, average, table_of
from models.retrieval.sources import TASTE, TRANSITIONS

HERE = Situation("for_user", 5, 1_000)


def learn_stream(workers: int, *, every: int = 50, examples: int = 900) -> list[OnlineRanker]:
    """Users choose by taste, with noise; each event goes to one worker, and all average after `every` events."""
    rankers, random = [OnlineRanker() for _ in range(workers)], np.random.default_rng(3)
    for at in range(examples):
        scores = {TRANSITIONS: random.random(10), TASTE: random.random(10)}
        chosen = int(np.argmax(scores[TASTE] + 0.3 * random.random(10)))
        rankers[at % workers].learn(scores, HERE, chosen, now_ms=at)
        if at % every == 0:
            published = [ranker.weights for ranker in rankers]
            for mine, ranker in enumerate(rankers):
                ranker.merge([weights for position, weights in enumerate(published) if position != mine], now_ms=at)
    return rankers


def hits(ranker: OnlineRanker) -> float:
    random, found = np.random.default_rng(4), 0
    for _ in range(300):
        scores = {TRANSITIONS: random.random(10), TASTE: random.random(10)}
        found += int(ranker.fuse(scores, HERE).scores.argmax() == scores[TASTE].argmax())
    return found / 300


def test_three_workers_that_average_come_as_far_as_one() -> None:
    (alone,), together = learn_stream(1, examples=3_000), learn_stream(3, examples=3_000)
    assert hits(alone) > hits(OnlineRanker()) + 0.1
    assert min(map(hits, together)) > hits(alone) - 0.05


def test_unpacked_weights_rank_like_the_packed_ones() -> None:
    (ranker,) = learn_stream(1, examples=100)
    again = RankerWeights.unpack(ranker.weights.pack())
    np.testing.assert_allclose(again.values, ranker.weights.values, atol=1e-6)
    assert (again.examples, again.time_ms) == (100, 99)


def test_source_that_was_unknown_when_they_were_written_starts_afresh() -> None:
    packed = json.loads(RankerWeights().pack())
    del packed["values"][TRANSITIONS], packed["squares"][TRANSITIONS]
    again = RankerWeights.unpack(json.dumps(packed).encode())
    np.testing.assert_array_equal(again.values, RankerWeights().values)


@pytest.mark.parametrize("malformed", [b"", b"[]", b"null", b"{}", b'{"version":99}', b"\xff\x00"])
def test_malformed_bytes_are_refused(malformed: bytes) -> None:
    with pytest.raises(ValueError, match="ranker weights can't be read"):
        RankerWeights.unpack(malformed)


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(odd: float) -> None:
    weights = RankerWeights()
    weights.values[0, 0, 0] = odd
    with pytest.raises(ValueError, match="finite"):
        RankerWeights.unpack(weights.pack())


def test_stale_worker_and_one_without_examples_are_left_out() -> None:
    mine = RankerWeights(examples=10, time_ms=STALE_AFTER_MS)
    stale, empty = RankerWeights(examples=10, time_ms=-1), RankerWeights(time_ms=STALE_AFTER_MS)
    stale.values[:], empty.values[:] = 9.0, 9.0
    np.testing.assert_array_equal(average(mine, [stale, empty], STALE_AFTER_MS).values, mine.values)


def test_averaging_counts_no_worker_twice() -> None:
    mine, other = RankerWeights(examples=10, time_ms=1), RankerWeights(examples=30, time_ms=1)
    assert average(average(mine, [other], 1), [other], 1).examples == 10


def test_table_names_every_source_and_what_its_best_candidate_gains() -> None:
    (ranker,) = learn_stream(1)
    before, after = dict(table_of(RankerWeights())), dict(table_of(ranker.weights))
    assert list(after) == list(SOURCES)
    assert after[TASTE]["always"] > before[TASTE]["always"]
