"""The whole thing on one screen: a real broker, a worker, a data set as a stream, and what was measured.

Everything it starts runs in a temporary folder and on free ports, and is gone when it ends, however it ends.
"""

import asyncio
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from infra.broker import Broker
from infra.ports import choose_ports
from load.client.report import show_data
from load.client.stream_eval import catalog_of, evaluate
from load.client.worker_process import WorkerProcess
from load.datasets.dataset import Dataset
from load.demo.figures import DemoPlan, Figures, Streamed
from load.demo.report import show_report
from load.demo.steps import run_steps
from models.evaluation.baselines import MostPopular
from models.recommender import Recommender
from workers.errors import TasteStreamError
from workers.settings import load_settings

POLL_EVERY_S = 0.5
# About what the worker's budget lets it learn from while the data rushes in.
LEARN_SHARE = 0.02


def run_demo(dataset: Dataset, plan: DemoPlan, console: Console, *, keep: bool = False) -> Figures:
    """Run all steps and show what they measured; with `keep`, broker and worker stay until Ctrl-C.

    Raises InfraError or TasteStreamError with the reason when something does not start, ends or hangs.
    """
    # SIGTERM as Ctrl-C: only an exception unwinds to where broker, worker and folder are cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    show_data(dataset, console)
    with TemporaryDirectory(prefix="tastestream-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _say(console, "Starting Apache Kafka (on the very first run its 43 MB are downloaded).")
        with Broker(folder / "broker") as broker:
            settings = load_settings(
                bootstrap_servers=broker.bootstrap,
                security_protocol="PLAINTEXT",
                data_path=folder / "worker",
                web_port=choose_ports(0)[0],
            )
            worker = WorkerProcess(settings, folder / "worker.log")
            _say(console, f"Kafka listens on {broker.bootstrap}. Starting a worker; its log: {worker.log_file}")
            with worker:
                streamed = _measure(dataset, plan, worker, console)
                figures = _beside_offline(streamed, dataset, plan, console, began)
                show_report(figures, dataset, plan, console)
                if keep:
                    _stay(broker, worker, figures, console)
    return figures


def _measure(dataset: Dataset, plan: DemoPlan, worker: WorkerProcess, console: Console) -> Streamed:
    try:
        return asyncio.run(run_steps(dataset, plan, worker, console))
    except TasteStreamError:
        worker.check()  # a worker that died says more than the reply that did not come
        raise


def _beside_offline(streamed: Streamed, dataset: Dataset, plan: DemoPlan, console: Console, began: float) -> Figures:
    """The same questions to the same models without a stream, and to plain popularity."""
    _say(console, "Asking the same questions offline: the same models without Kafka, and plain popularity.")
    with console.status("folding and asking …"):
        offline, popular = (
            evaluate(recommender, dataset.ratings, streamed.tests, plan.list_size)
            for recommender in (Recommender(catalog_of(dataset), learn_share=LEARN_SHARE), MostPopular())
        )
    return Figures(streamed, offline, popular, time.monotonic() - began)


def _stay(broker: Broker, worker: WorkerProcess, figures: Figures, console: Console) -> None:
    environment = f"TASTESTREAM_BOOTSTRAP_SERVERS={broker.bootstrap}"
    example = figures.streamed.example
    console.print("\n[bold]Broker and worker stay up until Ctrl-C. Things to try in another terminal:[/]")
    for hint in (
        f"{environment} tastestream ask {example.user_id}",
        f"{environment} tastestream ask --kind similar_items --item {example.item_id}",
        f"{environment} tastestream load --rate 100 --seconds 10",
        f"curl {worker.metrics_url}",
        f"tail -f {worker.log_file}",
    ):
        console.print(f"  {hint}", highlight=False, soft_wrap=True)
    while True:
        worker.check()
        if broker.pid is None:
            broker.wait()
        time.sleep(POLL_EVERY_S)


def _say(console: Console, text: str) -> None:
    console.print(f"[bold cyan]▸[/] {text}", soft_wrap=True)
