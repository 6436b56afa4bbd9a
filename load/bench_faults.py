"""Fault runs: what each fault costs in events, answers and seconds (starts a broker and workers of its own).

python -m load.bench_faults
"""

import asyncio
import logging
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from infra.broker import Broker
from load.errors import LoadError
from load.independent_fold import fold
from load.outages.faults import FAULTS, NOT_RUN, TORN_KEY, Fault
from load.outages.logs import last_values, read_all
from load.outages.opening import open_scene, settle
from load.outages.scene import PARTITIONS, Scale, Scene
from load.outages.verdict import AnswerVerdict, StateVerdict, judge_answers, judge_state
from models.user_state import UserState
from workers.answers import PARTIAL_CATALOG
from workers.rows import ItemRow

FULL = Scale(rate=2_000, questions=20, kills=100, away_s=60, pause_s=120)
QUICK = Scale(rate=500, questions=20, kills=3, away_s=8, pause_s=15)


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
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing lost, doubled, wrong or unanswered."""
        state, answers = self.state, self.answers
        return not (state.lost or state.double or state.rows_wrong or answers.missing or answers.wrong)


async def run_fault(fault: Fault, broker: Broker, folder: Path, scale: Scale, console: Console) -> Outcome:
    """One fault on a service of its own, judged after all is settled."""
    name = f"f{FAULTS.index(fault)}-{time.time_ns() % 10**9}"
    async with open_scene(broker, folder / name, name, scale, fault.index) as scene:
        scene.say = lambda line: console.print(f"    {line}", style="dim", highlight=False)
        for _ in range(fault.workers):
            scene.add_worker(named=fault.named)
        await scene.until_ready()
        running = asyncio.create_task(scene.traffic.run())
        try:
            await scene.recovered()
            await asyncio.sleep(scale.warm_s)
            await fault.act(scene)
            await asyncio.sleep(scale.warm_s)
        finally:
            scene.traffic.stop()
            await running
        await settle(scene)
        for worker in list(scene.workers):
            await scene.remove_worker(worker)
        return await _judge(fault, scene)


async def _judge(fault: Fault, scene: Scene) -> Outcome:
    bootstrap, topics = scene.broker.bootstrap, scene.topics
    log = await read_all(bootstrap, topics.user_interactions)
    users = await last_values(bootstrap, topics.user_state_changelog)
    items = await last_values(bootstrap, topics.item_state_changelog)
    windows = [(window.began_s, window.ended_s) for window in scene.windows]
    asked = scene.traffic.asked
    return Outcome(
        name=fault.name,
        faults=len(windows),
        events=len(log),
        state=judge_state(
            {key: UserState.unpack(value) for key, value in users.items() if key != TORN_KEY},
            {key: ItemRow.unpack(value) for key, value in items.items()},
            fold(log, PARTITIONS),
        ),
        answers=judge_answers(asked, log, windows, PARTITIONS, PARTIAL_CATALOG if fault.index == "memory" else ""),
        new_event_s=max((scene.tap.stall_s(w.back_s or w.began_s, w.ended_s) for w in scene.windows), default=0.0),
        answer_s=_longest_wait(scene),
        restarts=scene.restarts,
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


def table_of(outcomes: list[Outcome]) -> Table:
    """The outcomes side by side, then what was not run."""
    columns = ("fault", "times", "events", "lost", "double", "rows wrong", "asked", "no reply", "wrong", "undegraded")
    table = Table(*columns, "new event", "answer", "restarts", "notes", title="Faults", title_justify="left")
    for one in outcomes:
        state, answers = one.state, one.answers
        counts = (one.faults, one.events, state.lost, state.double, state.rows_wrong, answers.asked, answers.missing)
        errors = [f"{count} {code}" for code, count in sorted(answers.errors.items())]
        if answers.unsent:
            errors.append(f"{answers.unsent} requests not taken by Kafka")
        table.add_row(
            one.name,
            *(f"{count:,}" for count in counts),
            f"{answers.wrong:,}",
            f"{answers.undegraded_outside:.1%}",
            f"{one.new_event_s:.1f} s",
            f"{one.answer_s:.1f} s",
            str(one.restarts),
            "; ".join([*one.notes, *errors]),
            style="" if one.clean else "red",
        )
    for name, reason in NOT_RUN.items():
        table.add_row(name, "not run", *[""] * 11, reason, style="dim")
    return table


def summary_of(outcomes: list[Outcome], failed: list[str]) -> str:
    """The last line: totals over all runs."""
    kills = sum(one.faults for one in outcomes if one.name.startswith("kill -9 of a worker"))
    lost, double = sum(one.state.lost for one in outcomes), sum(one.state.double for one in outcomes)
    missing, wrong = sum(one.answers.missing for one in outcomes), sum(one.answers.wrong for one in outcomes)
    rest = f", runs that failed: {', '.join(failed)}" if failed else ""
    return f"kills {kills}, lost {lost}, double {double}, replies missing {missing}, replies wrong {wrong}{rest}"


async def measure(faults: list[Fault], scale: Scale, console: Console) -> tuple[list[Outcome], list[str]]:
    """All faults one after the other on one broker; those that could not be judged by name."""
    outcomes: list[Outcome] = []
    failed: list[str] = []
    folder = Path(mkdtemp(prefix="tastestream-faults-"))
    with Broker(folder / "broker") as broker:
        for number, fault in enumerate(faults, start=1):
            console.print(f"[{number}/{len(faults)}] {fault.name}", markup=False)
            try:
                outcomes.append(await run_fault(fault, broker, folder, scale, console))
            except LoadError as error:
                failed.append(fault.name)
                console.print(f"    {error}", style="red", markup=False)
            if broker.pid is None:
                broker.start()
    if failed or not all(one.clean for one in outcomes):
        console.print(f"the logs stay in {folder}", highlight=False)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return outcomes, failed


def main(
    only: Annotated[str, typer.Option(help="run the faults whose name contains this")] = "",
    quick: Annotated[bool, typer.Option(help="few events, few kills, short outages")] = False,
    kills: Annotated[int | None, typer.Option(help="kills of a worker in each of the two runs")] = None,
    rate: Annotated[float | None, typer.Option(help="events a second")] = None,
    json: Annotated[Path | None, typer.Option(help="file for the outcomes")] = None,
) -> None:
    """Run the faults and print the table; the exit code is 1 unless all is exact."""
    console = Console(width=200)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is part of the plan
    scale = QUICK if quick else FULL
    scale = Scale(**{**asdict(scale), "kills": kills or scale.kills, "rate": rate or scale.rate})
    outcomes, failed = asyncio.run(measure([one for one in FAULTS if only in one.name], scale, console))
    console.print(table_of(outcomes))
    console.print(summary_of(outcomes, failed))
    if json is not None:
        json.write_bytes(orjson.dumps([asdict(one) for one in outcomes], option=orjson.OPT_INDENT_2))
    raise typer.Exit(0 if not failed and all(one.clean for one in outcomes) else 1)


if __name__ == "__main__":
    typer.run(main)
