"""The rule that distinguishes a stall from idleness, and what is done about it."""

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from workers.metrics import Metrics
from workers.runtime.watchdog import IN_QUEUE, StallRule, Standings, Watchdog
from workers.scheduling import INDEX
from workers.stream.reader import Standing

TP = TopicPartition("events", 0)
OTHER = TopicPartition("events", 1)
LIMIT_S = 20.0


def standing(
    position: int = 5, finished: int | None = 5, end: int = 5, chunks_out: int = 0, waits_for_index: bool = False
) -> Standing:
    return Standing(position, finished, end, chunks_out, waits_for_index)


def stalls(*checks: tuple[float, Standing | None]) -> list[bool]:
    """Whether `TP` counts as stalled at each check; None for one without an answer."""
    rule = StallRule(LIMIT_S, {})
    return [bool(rule.stalled(None if found is None else {TP: found}, now_s)) for now_s, found in checks]


def test_records_that_are_not_fetched_are_a_stall_after_the_limit() -> None:
    behind = standing(end=9)
    assert stalls((0, behind), (19, behind), (20, behind)) == [False, False, True]


def test_a_chunk_that_is_not_finished_is_a_stall_although_others_are_fetched() -> None:
    held = [standing(position=position, finished=2, end=99, chunks_out=2) for position in (5, 6, 7)]
    assert stalls((0, held[0]), (10, held[1]), (20, held[2])) == [False, False, True]


def both(mine: Standing, others: Standing) -> Standings:
    return {TP: mine, OTHER: others}


def test_a_chunk_in_the_queue_of_an_agent_that_works_is_no_stall_for_a_while() -> None:
    rule, held = StallRule(LIMIT_S, {}), standing(finished=2, end=99, chunks_out=2)
    for turn in range(10):
        moving = standing(finished=turn, end=99, chunks_out=2)
        stalled = rule.stalled(both(held, moving), 10.0 * turn)
        assert stalled == []
    assert rule.stalled(both(held, moving), LIMIT_S * IN_QUEUE) == [TP]


def test_an_agent_that_folds_slowly_is_given_time_and_one_that_stops_is_not() -> None:
    slices = {TP.topic: 0}
    rule, held = StallRule(LIMIT_S, slices), standing(finished=2, end=99, chunks_out=2)
    for turn in range(5):
        slices[TP.topic] += 1
        assert rule.stalled({TP: held}, 10.0 * turn) == []
    assert rule.stalled({TP: held}, 50.0) == []
    assert rule.stalled({TP: held}, 40.0 + LIMIT_S) == [TP]


PARKED = standing(finished=2, end=99, chunks_out=2, waits_for_index=True)


def test_a_chunk_that_waits_for_an_index_that_takes_items_is_no_stall_however_long_it_lasts() -> None:
    work = {INDEX: 0}
    rule = StallRule(LIMIT_S, work)
    for turn in range(100):
        work[INDEX] += 1
        assert rule.stalled({TP: PARKED}, 10.0 * turn) == []
    assert rule.stalled({TP: PARKED}, 990.0 + LIMIT_S) == [TP]


def test_an_agent_that_folds_is_no_excuse_for_an_index_that_takes_nothing() -> None:
    work = {INDEX: 7, TP.topic: 0}
    rule = StallRule(LIMIT_S, work)
    for turn in range(2):
        work[TP.topic] += 1
        assert rule.stalled({TP: PARKED}, 10.0 * turn) == []
    assert rule.stalled({TP: PARKED}, LIMIT_S) == [TP]


def test_an_index_that_takes_items_is_no_excuse_for_an_agent_that_stands() -> None:
    work = {INDEX: 0}
    rule, held = StallRule(LIMIT_S, work), standing(finished=2, end=99, chunks_out=2)
    for turn in range(2):
        work[INDEX] += 1
        assert rule.stalled({TP: held, OTHER: PARKED}, 10.0 * turn) == []
    assert rule.stalled({TP: held, OTHER: PARKED}, LIMIT_S) == [TP]


def test_a_chunk_waits_while_its_agent_folds_another_topic() -> None:
    work, rerouted = {TP.topic: 0}, TopicPartition("rerouted", 0)
    rule = StallRule(LIMIT_S, work, lambda topic: TP.topic)
    for turn in range(100):
        work[TP.topic] += 1
        assert rule.stalled({rerouted: standing(finished=2, end=99, chunks_out=2)}, 10.0 * turn) == []


def test_a_chunk_in_the_queue_of_an_agent_that_stands_is_a_stall() -> None:
    rule, held = StallRule(LIMIT_S, {}), standing(finished=2, end=99, chunks_out=2)
    assert [rule.stalled(both(held, held), now_s) for now_s in (0, 10)] == [[], []]
    assert rule.stalled(both(held, held), LIMIT_S) == [TP, OTHER]


def test_records_that_are_not_fetched_are_a_stall_although_the_agent_works() -> None:
    rule, behind = StallRule(LIMIT_S, {}), standing(end=9)
    for turn in range(2):
        rule.stalled(both(behind, standing(finished=turn, end=99, chunks_out=2)), 10.0 * turn)
    assert rule.stalled(both(behind, standing(finished=2, end=99, chunks_out=2)), LIMIT_S) == [TP]


def test_any_progress_restarts_the_time() -> None:
    assert stalls((0, standing(end=9)), (15, standing(position=6, end=9)), (30, standing(position=6, end=9))) == [
        False,
        False,
        False,
    ]


def test_rest_is_no_stall_however_long_it_lasts() -> None:
    assert stalls((0, standing()), (1_000, standing()), (1_010, standing(end=9))) == [False, False, False]


def test_a_partition_that_was_taken_away_is_forgotten() -> None:
    rule = StallRule(LIMIT_S, {})
    rule.stalled({TP: standing(end=9), OTHER: standing()}, 0)
    assert rule.stalled({OTHER: standing()}, 30) == []
    assert rule.stalled({TP: standing(end=9)}, 31) == []


def test_a_client_that_answers_no_more_stands_still() -> None:
    assert stalls((0, standing()), (19, None), (20, None)) == [False, False, True]


class Kennel:
    """A watchdog whose world the test decides."""

    def __init__(self) -> None:
        self.found: Standings | None = {TP: standing(end=9)}
        self.kafka_is_up = True
        self.cause: str | None = None
        self.ended: list[str] = []
        self.metrics = Metrics(CollectorRegistry())
        self.watchdog = Watchdog(
            [self._ask], self._answers, lambda: self.cause, self.metrics, {}, limit_s=LIMIT_S, end=self.ended.append
        )

    async def check_twice(self, first_s: float = 0.0) -> None:
        await self.watchdog.check(first_s)
        await self.watchdog.check(first_s + LIMIT_S)

    def waiting(self, cause: str) -> float | None:
        return self.metrics.registry.get_sample_value("tastestream_waiting", {"cause": cause})

    async def _ask(self) -> Standings:
        if self.found is None:
            raise KafkaConnectionError("away")
        return self.found

    async def _answers(self) -> bool:
        return self.kafka_is_up


async def test_a_stall_without_a_known_cause_ends_the_worker_and_names_the_partition() -> None:
    kennel = Kennel()
    await kennel.check_twice()
    [story] = kennel.ended
    assert "events[0]" in story
    assert "the consumer brings nothing" in story


async def test_an_index_that_takes_nothing_is_named() -> None:
    kennel = Kennel()
    kennel.found = {TP: PARKED}
    await kennel.check_twice()
    assert "the index does not take what waits for it" in kennel.ended[0]


async def test_own_clients_that_fail_while_kafka_answers_end_the_worker() -> None:
    kennel = Kennel()
    await kennel.watchdog.check(0.0)
    kennel.found = None
    await kennel.watchdog.check(LIMIT_S)
    await kennel.watchdog.check(1.5 * LIMIT_S)
    assert "not to the worker's own clients" in kennel.ended[0]


async def test_a_broker_that_came_back_a_moment_ago_is_given_time_to_be_heard() -> None:
    kennel = Kennel()
    await kennel.watchdog.check(0.0)
    kennel.found = None
    await kennel.watchdog.check(LIMIT_S)
    kennel.found = {TP: standing(position=9, end=9)}
    await kennel.watchdog.check(1.5 * LIMIT_S)
    assert kennel.ended == []


@pytest.mark.parametrize("cause", ["index", "kafka"])
async def test_what_is_known_to_be_away_is_shown_and_waited_for(cause: str) -> None:
    kennel = Kennel()
    kennel.cause, kennel.kafka_is_up = ("index", True) if cause == "index" else (None, False)
    await kennel.check_twice()
    assert (kennel.ended, kennel.waiting(cause)) == ([], 1.0)
    kennel.cause, kennel.kafka_is_up = None, True
    await kennel.watchdog.check(30.0)
    assert kennel.ended == []
    kennel.found = {TP: standing(position=9, end=9)}
    await kennel.watchdog.check(40.0)
    assert kennel.waiting(cause) == 0.0
