"""The steps of the demo that need a running broker and worker, in their order (touches Kafka and HTTP)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer
from rich.console import Console

from load.client.background import load_during
from load.client.backlog import Backlog, open_backlog
from load.client.client import RequestClient, request_client
from load.client.echo import measure_echo
from load.client.freshness import measure_freshness, measure_new_items
from load.client.kafka import ensure_own_topics, prompt_producer
from load.client.replay import replay
from load.client.requests import LoadReport, arrival_times, run_load
from load.client.scrape import Scrape
from load.client.stream_eval import StreamedRecommender, cut, evaluate, sample_tests
from load.client.worker_process import WorkerProcess
from load.datasets.dataset import Dataset
from load.datasets.errors import LoadError
from load.demo.examples import ask_examples
from load.demo.figures import DemoPlan, Freshness, Ingest, LiveScore, Streamed
from models.evaluation.evaluation import Outcomes
from workers.admin.bars import rate_bar
from workers.topics import Topics

REPLIES, ECHO = "demo-replies", "demo-echo"
POLL_EVERY_S = 0.25
STALLED_AFTER_S = 30.0
# Twice what two busy cores need for ml-latest-small: a longer wait would not be accepted.
DRAIN_TIMEOUT_S = 150.0
# What a page would wait: on a machine that can't keep up, requests are refused instead of queueing up.
DEADLINE_MS = 2_000
RSS, CPU = "process_resident_memory_bytes", "process_cpu_seconds_total"
FRESHNESS = "tastestream_event_freshness_seconds"


@dataclass(frozen=True, slots=True)
class Stage:
    """What the steps work with."""

    dataset: Dataset
    plan: DemoPlan
    worker: WorkerProcess
    console: Console
    topics: Topics
    client: RequestClient
    producer: AIOKafkaProducer
    backlog: Backlog

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self.worker.settings.bootstrap_servers

    def say(self, text: str) -> None:
        """Tell what happens next."""
        self.console.print(f"[bold cyan]▸[/] {text}")

    def questions(self) -> list[dict[str, Any]]:
        """Requests of users of the data set, drawn with the plan's seed."""
        users = np.unique(self.dataset.ratings.user)
        drawn = np.random.default_rng(self.plan.seed).choice(users, 1_000)
        common = {"kind": "for_user", "limit": self.plan.list_size, "deadline_ms": DEADLINE_MS}
        return [{**common, "user_id": str(user)} for user in drawn]


async def run_steps(dataset: Dataset, plan: DemoPlan, worker: WorkerProcess, console: Console) -> Streamed:
    """Fill the worker, ask it, and measure both; raises TasteStreamError with the reason if a step fails."""
    async with _stage(dataset, plan, worker, console) as stage:
        empty_bytes = (await _scrape(stage)).total(RSS)
        catalog = await _catalog(stage)
        start = cut(dataset.ratings, plan.share)
        ratings, busy = await _ratings(stage, start)
        echo, idle = await _quiet_latency(stage)
        tests = sample_tests(dataset.ratings, start, plan.tests, plan.seed)
        began = _now()
        before = await _scrape(stage)
        ranks, recommender = await _evaluate(stage, start, tests)
        eval_s = _now() - began
        live = live_score(before, await _scrape(stage))
        example = await ask_examples(stage.client, dataset.ratings, plan.list_size)
        freshness = await _freshness(stage)
        last = await _scrape(stage)
    return Streamed(
        catalog=catalog,
        ratings=ratings,
        busy=busy,
        echo=echo,
        idle=idle,
        start=start,
        tests=tests,
        ranks=ranks,
        eval_s=eval_s,
        eval_errors=recommender.errors,
        live=live,
        freshness=freshness,
        example=example,
        outcomes=last.by_label("tastestream_events_total", "outcome"),
        dead_letters=last.total("tastestream_dead_letters_total"),
        empty_bytes=empty_bytes,
        loaded_bytes=last.total(RSS),
    )


@asynccontextmanager
async def _stage(dataset: Dataset, plan: DemoPlan, worker: WorkerProcess, console: Console) -> AsyncIterator[Stage]:
    settings = worker.settings
    bootstrap, topics = settings.bootstrap_servers, Topics(settings.topic_prefix)
    await ensure_own_topics(bootstrap, [REPLIES])
    read = (topics.item_catalog, topics.user_interactions, topics.item_transitions)
    async with (
        request_client(bootstrap, topics.recommendation_requests, REPLIES) as client,
        prompt_producer(bootstrap) as producer,
        open_backlog(bootstrap, settings.app_id, read) as backlog,
    ):
        yield Stage(dataset, plan, worker, console, topics, client, producer, backlog)


async def _catalog(stage: Stage) -> Ingest:
    items = stage.dataset.only_catalog()
    stage.say(f"Publishing {len(items.items):,} items; the worker embeds and indexes them.")
    return await _ingest(stage, items, len(items.items))


async def _ratings(stage: Stage, start: int) -> tuple[Ingest, LoadReport]:
    history = replace(stage.dataset, items=[], ratings=stage.dataset.ratings[:start])
    records = len(history.profiles) + start
    stage.say(
        f"Publishing the first {start:,} of {len(stage.dataset.ratings):,} ratings flat out, "
        f"while {stage.plan.rate:.0f} requests a second are answered."
    )
    ingest = _ingest(stage, history, records)
    return await load_during(ingest, stage.client, stage.questions(), stage.plan.rate)


async def _ingest(stage: Stage, dataset: Dataset, records: int) -> Ingest:
    began, cpu_before = _now(), (await _scrape(stage)).total(CPU)
    published = await replay(
        dataset,
        bootstrap=stage.bootstrap,
        catalog_topic=stage.topics.item_catalog,
        interactions_topic=stage.topics.user_interactions,
        console=stage.console,
    )
    peak_bytes = await _drain(stage, records)
    done_s = _now() - began
    cpu_s = (await _scrape(stage)).total(CPU) - cpu_before
    return Ingest(records, published.seconds, done_s, cpu_s, peak_bytes)


async def _drain(stage: Stage, records: int) -> float:
    """Wait until the worker has committed everything, showing how far it is; returns its peak memory in bytes."""
    peak_bytes, least, began = 0.0, -1, _now()
    moved_at = began
    with rate_bar(stage.console) as bar:
        done = bar.add_task("Folded and indexed", total=records)
        while True:
            left = (await stage.backlog.left()).total()
            peak_bytes = max(peak_bytes, (await _scrape(stage)).total(RSS))
            bar.update(done, completed=max(0, records - left))
            if not left:
                return peak_bytes
            if left != least:
                least, moved_at = left, _now()
            _check_time(left, records, moved_at, began)
            await asyncio.sleep(POLL_EVERY_S)


def _check_time(left: int, records: int, moved_at: float, began: float) -> None:
    if _now() - moved_at > STALLED_AFTER_S:
        raise LoadError(f"{left:,} of {records:,} records are left, and none was committed for {STALLED_AFTER_S:.0f} s")
    if _now() - began > DRAIN_TIMEOUT_S:
        raise LoadError(
            f"{left:,} of {records:,} records are left after {DRAIN_TIMEOUT_S:.0f} s: this machine is too slow, or "
            "too busy with something else; try again when it is idle"
        )


async def _quiet_latency(stage: Stage) -> tuple[LoadReport, LoadReport]:
    plan, questions = stage.plan, stage.questions()
    arrivals = arrival_times(plan.rate, plan.measure_s)
    stage.say(f"Asking a bare echo {plan.rate:.0f} times a second for {plan.measure_s:.0f} s: the floor.")
    echo = await measure_echo(stage.bootstrap, ECHO, questions, arrivals)
    stage.say("Asking the worker in the same way.")
    return echo, await run_load(stage.client, questions, arrivals)


async def _evaluate(stage: Stage, start: int, tests: frozenset[str]) -> tuple[Outcomes, StreamedRecommender]:
    """Replay the rest in time order with a question before each test event, in a thread beside this loop."""
    rest = len(stage.dataset.ratings) - start
    stage.say(
        f"Replaying the last {rest:,} ratings in time order; before each of {len(tests):,} of them the worker "
        f"must guess, with {stage.plan.list_size} items, what the user will like next."
    )
    with rate_bar(stage.console) as bar:
        answered = bar.add_task("Questions answered", total=None)
        recommender = StreamedRecommender(
            asyncio.get_running_loop(),
            stage.client,
            stage.producer,
            stage.topics.user_interactions,
            published=start,
            on_answer=lambda: bar.advance(answered),
        )
        try:
            ranks = await asyncio.to_thread(_run_evaluation, recommender, stage, tests)
        finally:
            recommender.close()
    await _drain(stage, rest)
    return ranks, recommender


def _run_evaluation(recommender: StreamedRecommender, stage: Stage, tests: frozenset[str]) -> Outcomes:
    ranks = evaluate(recommender, stage.dataset.ratings, tests, stage.plan.list_size)
    recommender.flush()
    return ranks


async def _freshness(stage: Stage) -> Freshness:
    """Last of all: the visitor's likes are no part of the data."""
    stage.say(f"A new visitor likes {stage.plan.probes} items, one by one, and asks at once after each.")
    items = [str(item) for item in np.unique(stage.dataset.ratings.item)[: stage.plan.probes]]
    before = await _scrape(stage)
    probes_ms = await measure_freshness(stage.client, stage.producer, stage.topics.user_interactions, items)
    await _drain(stage, len(items))
    after = await _scrape(stage)
    bounds = (after.quantile_bound(FRESHNESS, share, before) for share in (0.5, 0.99))
    stage.say(f"{stage.plan.new_items} new items come, one by one, and a user asks what is new.")
    items_ms = await measure_new_items(stage.client, stage.producer, stage.topics.item_catalog, stage.plan.new_items)
    return Freshness(probes_ms, items_ms, *bounds)


def live_score(before: Scrape, after: Scrape) -> LiveScore:
    """The worker's own score of what happened between two scrapes; `examples` are those since its start."""

    def grown(name: str, recommender: str) -> int:
        name, of = f"tastestream_live_{name}_total", {"recommender": recommender, "variant": "default"}
        return int(after.total(name, **of) - before.total(name, **of))

    examples = int(after.total("tastestream_ranker_examples_total"))
    return LiveScore(grown("choices", "ranker"), grown("hits", "ranker"), grown("hits", "popularity"), examples)


async def _scrape(stage: Stage) -> Scrape:
    # In a thread: a busy worker answers late, and the load that goes on meanwhile must not be late with it.
    return await asyncio.to_thread(stage.worker.scrape)


def _now() -> float:
    return asyncio.get_running_loop().time()
