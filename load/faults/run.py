"""One fault from an empty service to a verdict (starts workers, touches Kafka)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.broker import Broker
from load.client.waiting import until
from load.faults.evidence import EvidenceVerdict, judge_evidence, replay_of
from load.faults.fault import Fault
from load.faults.independent_fold import Expected
from load.faults.kafka_faults import TRUNCATED_KEY
from load.faults.logs import last_values, records_of
from load.faults.opening import open_scene, settle
from load.faults.points import points_wrong
from load.faults.scene import Scale, Scene
from load.faults.verdict import AnswerVerdict, StateVerdict, Truth, judge_answers, judge_state
from models.state.user_state import UserState
from workers.admin.dead_letters.letter import letter_of
from workers.admin.state.counts_row import rows_of_counts
from workers.items.rows import ItemRow

PUBLISHED_WITHIN_S = 1_200.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the table; `new_event_s` and `answer_s` are the longest over all faults of the run."""

    name: str
    faults: int
    events: int
    state: StateVerdict
    answers: AnswerVerdict
    new_event_s: float
    answer_s: float
    restarts: int
    took_s: float
    points_wrong: int
    evidence: EvidenceVerdict
    problems: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing lost, doubled, wrong or unanswered, and nothing else that should not be."""
        state, answers = self.state, self.answers
        wrong = (state.lost, state.double, self.rows_wrong, answers.missing, answers.wrong)
        return not any(wrong) and not self.problems

    @property
    def rows_wrong(self) -> int:
        """Rows, points of the index and lists of successors that differ from what they are made of."""
        return self.state.rows_wrong + self.points_wrong + self.evidence.rows + self.evidence.lists


async def run_fault(fault: Fault, broker: Broker, folder: Path, scale: Scale, say: Callable[[str], None]) -> Outcome:
    """One fault on a service of its own, judged after all is settled; raises LoadError if it does not come to that."""
    name, began = folder.name, time.monotonic()
    scale = replace(scale, rate=min(scale.rate, fault.rate))
    async with open_scene(broker, folder, name, scale, fault.index, at_peak=fault.at_peak) as scene:
        scene.say = say
        for _ in range(fault.workers):
            scene.add_worker(named=fault.named)
        await scene.until_ready()
        running = asyncio.create_task(scene.traffic.run())
        try:
            await scene.recovered()
            await asyncio.sleep(scale.warm_s)
            await fault.act(scene)
            await asyncio.sleep(scale.warm_s)
            if fault.at_peak:
                await until(lambda: scene.traffic.published >= scale.events, PUBLISHED_WITHIN_S, "all published")
        finally:
            scene.traffic.stop()
            await running
        await settle(scene)
        if fault.at_peak:
            scene.notes.append(f"{scene.traffic.published / (time.monotonic() - began):,.0f} events/s")
        for worker in list(scene.workers):
            await scene.remove_worker(worker)
        say(f"settled after {time.monotonic() - began:.0f} s")
        return await _judge(fault, scene, began)


async def _judge(fault: Fault, scene: Scene, began: float) -> Outcome:
    bootstrap, topics = scene.broker.bootstrap, scene.topics
    truth = Truth(Expected(scene.settings.user_partitions))
    async for record in records_of(bootstrap, topics.user_interactions):
        truth.learn(record)
    users = await last_values(bootstrap, topics.user_state_changelog)
    entries = await last_values(bootstrap, topics.item_state_changelog)
    counts = await last_values(bootstrap, topics.item_counts_changelog)
    letters = [letter_of(record, topics) async for record in records_of(bootstrap, topics.dead_letters)]
    windows = [(window.began_s, window.ended_s) for window in scene.windows]
    return Outcome(
        name=fault.name,
        faults=len(windows),
        events=truth.records,
        state=judge_state(
            {key: UserState.unpack(value) for key, value in users.items() if key != TRUNCATED_KEY},
            rows_of_counts(counts),
            [
                (one.origin.partition, one.origin.offset)
                for one in letters
                if one and one.refused_at_ms > scene.log_began_ms
            ],
            truth.expected,
        ),
        answers=judge_answers(scene.traffic.asked, truth, windows, scene.settings.user_partitions),
        new_event_s=max((scene.tap.stall_s(w.back_s or w.began_s, w.ended_s) for w in scene.windows), default=0.0),
        answer_s=_longest_wait(scene),
        restarts=scene.restarts,
        took_s=time.monotonic() - began,
        points_wrong=await points_wrong(scene, fault.index, {key: ItemRow.unpack(row) for key, row in entries.items()}),
        evidence=judge_evidence(counts, await replay_of(scene.settings)),
        problems=scene.problems,
        notes=scene.notes,
    )


def _longest_wait(scene: Scene) -> float:
    """Seconds that the slowest answer to a request of a fault's window took; from the return of what was away."""
    waits = (
        one.answered_s - max(one.at_s, window.back_s or 0.0)
        for window in scene.windows
        for one in scene.traffic.asked
        if window.began_s <= one.at_s <= window.ended_s and one.answered_s is not None
    )
    return max(waits, default=0.0)
