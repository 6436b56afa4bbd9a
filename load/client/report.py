"""What several commands show."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from load.client.reasons import in_words
from load.client.requests import LoadReport
from load.client.stream_eval import interval_95
from load.datasets.dataset import Dataset
from models.evaluation.evaluation import Outcomes
from workers.messages.plurals import counted


def show_data(dataset: Dataset, console: Console) -> None:
    """Which data this is and where it came from, loudly if it is invented."""
    users = len(np.unique(dataset.ratings.user))
    ratings = counted(len(dataset.ratings), "rating")
    size = f"{counted(len(dataset.items), 'item')}, {ratings} of {counted(users, 'user')}"
    if dataset.origin == "synthetic":
        console.print(f"[bold white on red] INVENTED DATA [/] {dataset.reason}", soft_wrap=True)
        console.print("[red]Figures of quality below say nothing about real users.[/] --data DIR takes real ones.")
    console.print(f"[bold]{dataset.name}[/]: {size} ({dataset.reason})", highlight=False, soft_wrap=True)


def answer_table(title: str, answer: Mapping[str, Any], titles: Mapping[str, str]) -> Table:
    """The items of a reply with their reasons; `titles` by item id go before what the reply names."""
    named = {**answer.get("titles", {}), **titles}
    table = Table("", "title", "score", "because", title=title, title_justify="left")
    for item in answer["items"]:
        shown = titles.get(item["item_id"], item["title"])
        table.add_row(str(item["rank"]), shown, f"{item['score']:.2f}", in_words(item, named))
    return table


def rate_with_interval(outcomes: Outcomes) -> str:
    """Hit rate with its 95 % interval."""
    return share_with_interval(int((outcomes.ranks > 0).sum()), len(outcomes.ranks))


def share_with_interval(hits: int, tests: int) -> str:
    """Share of hits with its 95 % interval."""
    if not tests:
        return "no test events"
    low, high = interval_95(hits, tests)
    return f"{hits / tests:.3f} ({low:.3f}–{high:.3f})"


def latency_table(title: str, loads: Mapping[str, LoadReport]) -> Table:
    """Percentiles of each load, and what did not get an answer."""
    table = Table("", "p50", "p95", "p99", "max", "answered", "timed out", "errors", title=title, title_justify="left")
    for name, report in loads.items():
        latencies = [ms(report.percentile(percent)) for percent in (50, 95, 99, 100)]
        errors = ", ".join(f"{count} {code}" for code, count in sorted(report.errors.items())) or "0"
        answered = f"{report.answered:,} of {report.requests:,}"
        table.add_row(name, *latencies, answered, str(report.timed_out), errors)
    return table


def ms(milliseconds: float) -> str:
    """Three digits at most: more would be noise.

    >>> ms(3.14159), ms(31.4159), ms(float("inf")), ms(float("nan"))
    ('3.1 ms', '31 ms', 'timed out', '–')
    """
    if math.isnan(milliseconds):
        return "–"
    if math.isinf(milliseconds):
        return "timed out"
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:,.0f} ms"
