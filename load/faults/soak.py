"""Half an hour of steady traffic: a worker's memory over time (starts a broker and a worker of its own).

python -m load.faults.soak --minutes 30
"""

import asyncio
import logging
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import orjson
import typer
from numpy.typing import NDArray
from rich.console import Console

from infra.broker import Broker
from load.client.kafka import bulk_producer
from load.client.publisher import Publisher
from load.datasets.errors import LoadError
from load.faults import crowd
from load.faults.opening import open_scene, settle
from load.faults.scene import Scale, Scene
from load.faults.soak_report import MB, plot, trend_of
from workers.admin.bars import rate_bar

SAMPLE_S = 2.0
EVICTIONS = "tastestream_state_evictions_total"
# Before that, the rows of new users and items and the caches fill: growth that is meant.
WARM_SHARE = 1 / 3
RATE, QUESTIONS = 300.0, 20.0
# The least active of so many has its 200 events of history after seven minutes: rows are full when it counts.
USERS = 120
# Events of strangers before the clock runs: as many as fill the caches of ids and partitions (docs/memory.md), and
# have their dicts grow for the last time: that of 65,536 ids does so, by 2 MB, when 87,381 have come and gone.
FILL = 100_000
# Users and items without end, each seen once, and a worker that keeps so many of all.
STRANGERS, MAX_USERS, MAX_ITEMS, MAX_UNKNOWN = 0.05, 500, 400, 150


async def soak(minutes: float, rate: float, folder: Path, console: Console) -> tuple[NDArray[np.float64], Scene]:
    """Samples as rows, float64 (n, 7).

    Minutes since the start, bytes of memory, events held back, rows dropped so far, users held, items held, and
    resident bytes: memory and the pages of the index' files that the system keeps mapped, and takes back when it likes.
    """
    scale = Scale(rate=rate, questions=QUESTIONS, kills=0, away_s=0, pause_s=0, users=USERS, strangers=STRANGERS)
    with Broker(folder / "broker") as broker:
        async with open_scene(broker, folder, "soak", scale, "edge") as scene:
            scene.add_worker(named=True, max_users=MAX_USERS, max_items=MAX_ITEMS, max_unknown_items=MAX_UNKNOWN)
            await scene.until_ready()
            await _fill(scene)
            running = asyncio.create_task(scene.traffic.run())
            samples = await _sample(scene, minutes, console)
            scene.traffic.stop()
            await running
            await settle(scene)
            return samples, scene


async def _fill(scene: Scene) -> None:
    """Have as many strangers come and go as caches hold."""
    view = {"event_type": "view", "event_time": crowd.T0_MS}
    made = [
        (f"early{n}", orjson.dumps({**view, "user_id": f"early{n}", "item_id": f"early-item{n}"})) for n in range(FILL)
    ]
    async with bulk_producer(scene.broker.bootstrap) as producer:
        await asyncio.gather(*await Publisher(producer).send(scene.topics.user_interactions, made))
    await settle(scene)


async def _sample(scene: Scene, minutes: float, console: Console) -> NDArray[np.float64]:
    [worker] = scene.workers
    began, rows = time.monotonic(), []
    with rate_bar(console) as bar:
        task = bar.add_task("seconds", total=int(minutes * 60))
        while (elapsed := time.monotonic() - began) < minutes * 60:
            scrape = await worker.scrape()
            if scrape is None or worker.ends:
                raise LoadError(f"the worker does not answer or ended {worker.ends}; see {worker.log_file}")
            lag, dropped = (scrape.total(name) for name in ("tastestream_consumer_lag_records", EVICTIONS))
            held = (scrape.total("tastestream_state_entries", table=table) for table in ("users", "items"))
            resident = scrape.total("process_resident_memory_bytes")
            rows.append((elapsed / 60, worker.anonymous_bytes(), lag, dropped, *held, resident))
            bar.update(task, completed=int(elapsed))
            await asyncio.sleep(SAMPLE_S)
    return np.array(rows, np.float64)


def main(
    minutes: Annotated[float, typer.Option(help="how long")] = 30.0,
    rate: Annotated[float, typer.Option(help="events a second")] = RATE,
    png: Annotated[Path, typer.Option(help="file for the plot")] = Path("soak.png"),
    json: Annotated[Path | None, typer.Option(help="file for samples and trend")] = None,
) -> None:
    """Run, say whether memory is flat, and draw it."""
    console = Console()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with TemporaryDirectory(prefix="tastestream-soak-") as folder:
        samples, scene = asyncio.run(soak(minutes, rate, Path(folder), console))
    late = samples[samples[:, 0] >= minutes * WARM_SHARE]
    trend = trend_of(late[:, 0] / 60, late[:, 1] / MB)
    plot(samples[:, 0], samples[:, 1] / MB, minutes * WARM_SHARE, trend, png)
    unanswered = sum(1 for one in scene.traffic.asked if not one.reply.done())
    console.print(
        f"{scene.traffic.published:,} events and {len(scene.traffic.asked):,} requests ({unanswered} unanswered) in "
        f"{minutes:g} minutes; most events held back {samples[:, 2].max():,.0f}",
        highlight=False,
    )
    console.print(
        f"at most {samples[:, 4].max():,.0f} users and {samples[:, 5].max():,.0f} items held "
        f"(bounds {MAX_USERS} and {MAX_ITEMS}, {MAX_UNKNOWN} of them unknown), {samples[-1, 3]:,.0f} rows dropped",
        highlight=False,
    )
    console.print(
        f"memory {trend.level_mb:.0f} MB, slope {trend.slope_mb_h:+.1f} MB/h "
        f"(95 %: {trend.low_mb_h:+.1f} to {trend.high_mb_h:+.1f}) over the last two thirds: {trend.verdict}; "
        f"with mapped files {late[:, 6].mean() / MB:.0f} MB, at most {samples[:, 6].max() / MB:.0f}",
        highlight=False,
    )
    if json is not None:
        json.write_bytes(orjson.dumps({"samples": samples.tolist(), "trend": asdict(trend)}))


if __name__ == "__main__":
    typer.run(main)
