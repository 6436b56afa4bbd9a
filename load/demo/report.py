"""The demo's tables: what was measured, beside its floor, and an answer that a person can judge."""

from datetime import UTC, datetime

import numpy as np
from rich.console import Console
from rich.table import Table

from load.client.reasons import titles_of
from load.client.report import answer_table, latency_table, ms, rate_with_interval, share_with_interval
from load.datasets.dataset import Dataset
from load.demo.figures import RECENT, DemoPlan, Figures, Streamed

MIB = 1024 * 1024


def show_report(figures: Figures, dataset: Dataset, plan: DemoPlan, console: Console) -> None:
    """All tables."""
    titles = titles_of(dataset.items)
    _show_user(figures.streamed, titles, console)
    _show_similar(figures.streamed, titles, console)
    streamed = figures.streamed
    loads = {
        "bare echo, the floor": streamed.echo,
        "recommendations, ingest idle": streamed.idle,
        "recommendations during ingest": streamed.busy,
    }
    console.print(latency_table(f"Latency of requests, {plan.rate:.0f} a second, Kafka to Kafka", loads))
    console.print(_summary(figures, plan))
    console.print(f"The demo took {figures.seconds:.0f} s.", highlight=False)


def _show_user(streamed: Streamed, titles: dict[str, str], console: Console) -> None:
    example = streamed.example
    title = f"The last {RECENT} of {len(example.history)} ratings of user {example.user_id}"
    history = Table("rated", "stars", "title", title=title, title_justify="left")
    for row in range(len(example.history) - 1, max(-1, len(example.history) - 1 - RECENT), -1):
        rated = datetime.fromtimestamp(int(example.history.time_ms[row]) / 1000, UTC)
        item_id = str(example.history.item[row])
        stars = f"{float(example.history.value[row]):g}"
        history.add_row(f"{rated:%Y-%m-%d %H:%M}", stars, titles.get(item_id, item_id))
    console.print(history)
    console.print(answer_table(f"… and what user {example.user_id} gets a minute later", example.for_user, titles))


def _show_similar(streamed: Streamed, titles: dict[str, str], console: Console) -> None:
    example = streamed.example
    name = titles.get(example.item_id, example.item_id)
    console.print(answer_table(f"More like '{name}', the item with most ratings", example.similar, titles))


def _summary(figures: Figures, plan: DemoPlan) -> Table:
    table = Table("figure", "value", "beside", "how it was measured", title="Summary", title_justify="left")
    for row in (*_speed_rows(figures.streamed), *_state_rows(figures.streamed), *_quality_rows(figures, plan)):
        table.add_row(*row)
    return table


def _speed_rows(streamed: Streamed) -> list[tuple[str, str, str, str]]:
    ratings, catalog = streamed.ratings, streamed.catalog
    echo, idle, busy = streamed.echo, streamed.idle, streamed.busy
    fresh = streamed.freshness
    return [
        (
            "catalog",
            f"{catalog.rate:,.0f} items/s",
            f"published at {catalog.publish_rate:,.0f}/s",
            f"{catalog.records:,} items, until all are indexed and committed",
        ),
        (
            "events, whole path",
            f"{ratings.rate:,.0f} events/s",
            f"published at {ratings.publish_rate:,.0f}/s",
            f"{ratings.records:,} events in {ratings.done_s:.1f} s, until user state, item state and index hold "
            f"them; {ratings.cpu_s:.1f} CPU-s of one worker, answering meanwhile",
        ),
        (
            "request, ingest idle",
            f"p50 {ms(idle.percentile(50))}, p99 {ms(idle.percentile(99))}",
            f"echo {ms(echo.percentile(50))}, {ms(echo.percentile(99))}",
            f"{idle.answered:,} of {idle.requests:,} answered, open loop, from the intended send time",
        ),
        (
            "request, during ingest",
            f"p50 {ms(busy.percentile(50))}, p99 {ms(busy.percentile(99))}",
            f"idle {ms(idle.percentile(50))}, {ms(idle.percentile(99))}",
            f"{busy.answered:,} of {busy.requests:,} answered while the events above were folded",
        ),
        (
            "freshness",
            f"p50 {ms(float(np.percentile(fresh.probes_ms, 50)))}, p99 {ms(float(np.percentile(fresh.probes_ms, 99)))}",
            f"worker: p50 ≤ {ms(fresh.worker_p50_s * 1000)}",
            f"{len(fresh.probes_ms)} × publish one event, ask, and get the answer that holds it",
        ),
        (
            "new item",
            f"p50 {ms(float(np.percentile(fresh.items_ms, 50)))}, p99 {ms(float(np.percentile(fresh.items_ms, 99)))}",
            "",
            f"{len(fresh.items_ms)} × publish an item, and ask what is new for a user until it is recommended",
        ),
    ]


def _state_rows(streamed: Streamed) -> list[tuple[str, str, str, str]]:
    peak = max(streamed.loaded_bytes, streamed.catalog.peak_bytes, streamed.ratings.peak_bytes)
    outcomes = ", ".join(f"{count:,.0f} {name}" for name, count in streamed.outcomes.items())
    return [
        (
            "worker memory",
            f"{streamed.loaded_bytes / MIB:,.0f} MiB",
            f"empty {streamed.empty_bytes / MIB:,.0f} MiB",
            f"resident, all data loaded; at most {peak / MIB:,.0f} MiB during ingest",
        ),
        (
            "events by outcome",
            outcomes,
            f"{streamed.dead_letters:,.0f} dead letters",
            "the worker's own counters, the new visitor's likes included",
        ),
    ]


def _quality_rows(figures: Figures, plan: DemoPlan) -> list[tuple[str, str, str, str]]:
    streamed = figures.streamed.ranks.ranks > 0
    offline = figures.offline.ranks > 0
    same = int((streamed == offline).sum())
    live = figures.streamed.live
    errors = dict(figures.streamed.eval_errors)
    failed = f"; error replies, counted as misses: {errors}" if errors else ""
    return [
        (
            f"hit rate @{plan.list_size}, streamed",
            rate_with_interval(figures.streamed.ranks),
            f"popularity {rate_with_interval(figures.popular)}",
            f"{len(streamed):,} liked events of known users in the last tenth, each asked before it was "
            f"published; 95 % intervals{failed}",
        ),
        (
            f"hit rate @{plan.list_size}, offline",
            rate_with_interval(figures.offline),
            f"same verdict on {same:,} of {len(streamed):,}",
            "the same models driven without Kafka on the same events; the ranker learns from its own sample of them",
        ),
        (
            "hit rate @10, the worker's own",
            share_with_interval(live.hits, live.choices),
            f"popularity {share_with_interval(live.popular_hits, live.choices)}",
            f"{live.choices:,} choices (over 3 stars) of the same tenth, drawn by hash, judged before they were "
            f"learned; the ranker learned from {live.examples:,} since its start",
        ),
    ]
