"""The outcomes of fault runs for people."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from load.faults.run import Outcome


def table_of(outcomes: Sequence[Outcome], not_run: Mapping[str, str]) -> Table:
    """The outcomes side by side, then what was not run and why; `rows wrong` also counts points and lists of pairs."""
    columns = ("fault", "times", "events", "lost", "double", "rows wrong", "asked", "no reply", "wrong", "undegraded")
    table = Table(*columns, "new event", "answer", "restarts", "took", "notes", title="Faults", title_justify="left")
    for one in outcomes:
        state, answers = one.state, one.answers
        counts = (
            one.faults,
            one.events,
            state.lost,
            state.double,
            one.rows_wrong,
            answers.asked,
            answers.missing,
        )
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
            f"{one.took_s:.0f} s",
            "; ".join([*one.problems, *one.notes, *errors]),
            style="" if one.clean else "red",
        )
    for name, reason in not_run.items():
        table.add_row(name, "not run", *[""] * 12, reason, style="dim")
    return table


def summary_of(outcomes: Sequence[Outcome], failed: Sequence[str]) -> str:
    """The last line: totals over all runs."""
    kills = sum(one.faults for one in outcomes if one.name.startswith(("kill -9 of one", "kill -9 of the only")))
    lost, double = sum(one.state.lost for one in outcomes), sum(one.state.double for one in outcomes)
    missing, wrong = sum(one.answers.missing for one in outcomes), sum(one.answers.wrong for one in outcomes)
    rest = f", runs that failed: {', '.join(failed)}" if failed else ""
    return f"kills {kills}, lost {lost}, double {double}, replies missing {missing}, replies wrong {wrong}{rest}"
