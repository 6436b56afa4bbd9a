"""Proves on the demo's data that what goes wrong on the way changes nothing (starts a broker and workers of its own).

One log is folded undisturbed, and again with workers killed and partitions handed over: all rows must be equal. That
the comparison sees anything is proved as well, by a log that lacks one event.
"""

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from infra.broker import Broker
from load.client.publisher import Record
from load.client.supervised import Supervised
from load.client.waiting import until
from load.datasets.dataset import Dataset
from load.faults.evidence import judge_evidence, replay_of
from load.faults.logs import last_values
from load.faults.proof import Proof
from load.faults.prove_bound import prove_bound
from load.faults.prove_log import catalog_of, log_of
from load.faults.prove_service import READY_WITHIN_S, ProveService, prove_service
from workers.admin.state.changelog import COUNTS, State
from workers.admin.state.digest import differences, to_json
from workers.admin.state.rows_diff import unlike_states
from workers.topics import Topics

# Lines about rows that a proof keeps of each table.
SHOWN = 5
PROGRESS_WITHIN_S = 300.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done: kills, records of the log that lacks one event, and the bound of the last part.

    `max_pairs`: pairs from which rows are cut; `least_cuts`: fewer cuts prove nothing.
    """

    kills: int = 20
    sample: int = 3_000
    max_pairs: int = 50_000
    least_cuts: int = 500


async def prove(dataset: Dataset, plan: Plan, folder: Path, say: Say) -> list[Proof]:
    """All parts, one after the other on one broker; raises LoadError if one does not come to its end."""
    with Broker(folder / "broker") as broker:
        async with prove_service(broker, folder, "undisturbed") as first:
            log, catalog = log_of(dataset, first.settings.user_partitions), catalog_of(dataset)
            say(f"{len(log):,} records, folded undisturbed")
            await first.add_worker()
            await first.publish(catalog, log)
            undisturbed = await first.finish()
        async with prove_service(broker, folder, "disturbed") as second:
            say(f"the same with {plan.kills} kills and two rebalances")
            await second.add_worker()
            await second.publish(catalog, log)
            await disturb(second, plan.kills, len(log), say)
            proofs = compare("killed, rebalanced", undisturbed, await second.finish())
            proofs.append(await _folded_again(second))
        say(f"a log of {plan.sample:,} records that lacks one event")
        proofs.append(await prove_sight(broker, folder, catalog, log[: plan.sample]))
        say(f"rows cut from {plan.max_pairs:,} pairs on")
        proofs += await prove_bound(broker, folder, catalog, log, plan.max_pairs, plan.least_cuts)
    return proofs


async def disturb(service: ProveService, kills: int, records: int, say: Say) -> None:
    """kill -9 of one worker after the other, spread over the log; a second one joins for the middle third of them.

    The last one comes when all events are folded, and what they say of items may not be.
    """
    rng = random.Random(kills)
    topic = Topics(service.settings.topic_prefix).user_interactions
    for number in range(1, kills + 1):
        await until(_folded(service, topic, records - records * number // kills), PROGRESS_WITHIN_S, f"kill {number}")
        if number == kills // 3 + 1:
            await service.add_worker()
        if number == 2 * kills // 3 + 1:
            await service.remove_worker()
        await _kill(rng.choice(service.workers))
        say(f"kill {number} of {kills}, {await service.left(topic):,} of {records:,} records left")


async def _kill(worker: Supervised) -> None:
    """End it without a warning, once it is ready; its supervisor starts it again."""
    await until(worker.ready, READY_WITHIN_S, f"ready again (see {worker.log_file})")
    ended = len(worker.ends)
    worker.signal(signal.SIGKILL)
    await until(lambda: len(worker.ends) > ended, READY_WITHIN_S, "the worker is gone")


def compare(what: str, first: State, second: State) -> list[Proof]:
    """A line a table: its digests are equal, or what the first rows differ in."""
    ours, theirs = to_json(first.digests()), to_json(second.digests())
    found = differences(ours, theirs)
    proofs = []
    for name, table in ours["tables"].items():
        lines = [line for line in found if line.startswith(f"{name}:")]
        rows = list(islice(unlike_states(name, first, second), SHOWN)) if lines else []
        proofs.append(Proof(f"{what}: {name}", table["rows"], not lines, (*lines, *rows)))
    return proofs


async def prove_sight(broker: Broker, folder: Path, catalog: Sequence[Record], log: Sequence[Record]) -> Proof:
    """Two small logs, of which one lacks the event in the middle of the other: their states must differ."""

    async def state_of(name: str, records: Sequence[Record]) -> State:
        async with prove_service(broker, folder, name) as service:
            await service.add_worker()
            await service.publish(catalog, records)
            return await service.finish()

    middle = len(log) // 2
    whole, lacking = await asyncio.gather(
        state_of("whole", log), state_of("lacking", [*log[:middle], *log[middle + 1 :]])
    )
    found = [proof for proof in compare("one event less", whole, lacking) if not proof.holds]
    lines = [line for proof in found for line in proof.lines[-2:]]
    rows = sum(proof.rows for proof in found)
    return Proof("one event less: seen", rows, bool(found), tuple(lines) or ("the states are equal",))


async def _folded_again(service: ProveService) -> Proof:
    """Rows of counts follow from the log of evidence, and lists of successors from rows."""
    topics = Topics(service.settings.topic_prefix)
    packed = await last_values(service.settings.bootstrap_servers, topics.item_counts_changelog)
    verdict = judge_evidence(packed, await replay_of(service.settings))
    lines = () if verdict.clean else (f"{verdict.rows} rows and {verdict.lists} lists differ",)
    return Proof(f"evidence folded again: {COUNTS}", len(packed), verdict.clean, lines)


def _folded(service: ProveService, topic: str, left: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return await service.left(topic) <= left

    return reached


def proof_table(title: str, proofs: Iterable[Proof]) -> Table:
    """What was proved, of how many rows, and what differs."""
    table = Table("what", "rows", "holds", "seen", title=title, title_justify="left")
    table.columns[1].justify = "right"
    for proof in proofs:
        style = "" if proof.holds else "red"
        holds = "yes" if proof.holds else "NO"
        table.add_row(proof.what, f"{proof.rows:,}", holds, "\n".join(proof.lines), style=style)
    return table


def main(dataset: Dataset, plan: Plan, console: Console, logs: Path | None = None) -> bool:
    """Prove, and print the table; whether all of it holds. `logs`: a folder for what broker and workers log."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a member that is killed is part of the plan

    def say(line: str) -> None:
        console.print(f"[bold cyan]▸[/] {line}", highlight=False)

    with TemporaryDirectory(prefix="tastestream-prove-", ignore_cleanup_errors=True) as name:
        proofs = asyncio.run(prove(dataset, plan, logs or Path(name), say))
    console.print(proof_table(f"{dataset.name} ({dataset.origin})", proofs))
    return all(proof.holds for proof in proofs)
