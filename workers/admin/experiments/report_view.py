"""A report as tables for a person, or as JSON for a program (no I/O)."""

from dataclasses import asdict
from typing import Any

import orjson
from rich.console import Group
from rich.table import Table
from rich.text import Text

from models.evaluation.comparison import CTR, PURCHASES, VALUE
from models.evaluation.lift import Lift
from workers.admin.experiments.judge import Verdict
from workers.admin.experiments.report import Report
from workers.admin.shown import shown
from workers.messages.plurals import counted

_METRICS = {CTR: "CTR", PURCHASES: "purchases/user", VALUE: "value/user"}


def tables(report: Report) -> Group:
    """Two tables an experiment, its warnings, and what was read."""
    parts: list[Table | Text] = []
    for verdict in report.verdicts:
        parts += [_counts(verdict), _lifts(verdict)]
        parts += [Text(f"warning: {warning}", style="yellow") for warning in verdict.warnings]
    parts.append(Text(_read(report)))
    return Group(*parts)


def _counts(verdict: Verdict) -> Table:
    table = Table(title=f"{verdict.name} ({verdict.state})", title_justify="left")
    table.add_column("variant", overflow="fold")
    for name in ("users", "answers", "impressions", "clicks", "purchases", "value"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, arm in verdict.arms.items():
        cells = [f"{arm.users:,}", f"{arm.answers:,}", f"{arm.impressions:,}", f"{arm.clicks:,}"]
        table.add_row(shown(name), *cells, f"{arm.purchases:,}", f"{arm.value:,.2f}")
    return table


def _lifts(verdict: Verdict) -> Table:
    table = Table()
    table.add_column("variant", overflow="fold")
    table.add_column("metric", no_wrap=True)
    for name in ("value", "lift, 95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for position, (name, arm) in enumerate(verdict.arms.items()):
        for metric, words in _METRICS.items():
            lift = "control" if position == 0 else _lift(verdict.lifts[name][metric])
            table.add_row(shown(name), words, _number(arm.ratios[metric].value), lift)
    return table


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.4g}"


def _lift(lift: Lift) -> str:
    if lift.value != lift.value:
        return "–"
    if lift.low != lift.low:
        return f"{lift.value:+.1%}"
    sure = "" if lift.low <= 0.0 <= lift.high else " *"
    return f"{lift.value:+.1%} [{lift.low:+.1%}, {lift.high:+.1%}]{sure}"


def _read(report: Report) -> str:
    read = report.counted
    acts = counted(read.events, "click or purchase", "clicks and purchases")
    lines = [
        f"{counted(read.answers, 'answer')} ({read.without_user:,} without a user) and {acts} "
        f"read; an act within {report.asked.window_ms / 3_600_000:g} h of what was shown counts."
    ]
    if report.share < 1.0:
        lines.append(
            f"A sample of {report.share:.2%} of the users: for all of them, allow more memory with --most "
            f"(it is {report.asked.most_held:,})."
        )
    if read.unreadable:
        lines.append(f"Left out, because unreadable: {counted(read.unreadable, 'record')}.")
    lines.append("* the interval does not hold 0. The figures are of one look: do not stop at the first *.")
    return "\n".join(lines)


def to_json(report: Report) -> bytes:
    """The same as JSON; null where there is no number."""
    body = {
        "experiments": [_plain(verdict) for verdict in report.verdicts],
        "sample_of_users": report.share,
        "window_ms": report.asked.window_ms,
        "since_ms": report.asked.since_ms,
        "read": asdict(report.counted),
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2)


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "state": verdict.state,
        "variants": [
            {"name": name, **asdict(arm), "lifts": {of: asdict(one) for of, one in verdict.lifts.get(name, {}).items()}}
            for name, arm in verdict.arms.items()
        ],
        "warnings": list(verdict.warnings),
    }
