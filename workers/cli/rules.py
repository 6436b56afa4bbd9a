"""`tastestream rules`: what a scenario's answers must and must not hold, as data."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from workers.admin.console import answers
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Business rules by scenario: check, put, show, remove.")

File = Annotated[Path, typer.Argument(help="JSON file with the rules, see docs/controls.md")]
Scenario = Annotated[str, typer.Option(help="the name by which requests ask for these rules")]


@app.command()
def check(file: File, scenario: Scenario = "default") -> None:
    """Say whether a file holds rules that workers take, and what they read in it; nothing is published."""
    from workers.admin.rules import checked, summary

    _, rules = checked(file, scenario)
    answers().print(f"{file} is good: {summary(rules)}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def put(file: File, scenario: Scenario = "default") -> None:
    """Check a file and put its rules in force instead of the scenario's earlier ones, within a second or so."""
    from workers.admin.rules import checked, publish, summary
    from workers.stream.security import client_options

    value, rules = checked(file, scenario)
    settings = load_settings()
    asyncio.run(publish(settings, client_options(settings), scenario, value))
    _say(f"scenario {scenario}: {summary(rules)}")


@app.command()
def remove(scenario: Scenario) -> None:
    """Take a scenario's rules away: it is answered like the default from then on."""
    from workers.admin.rules import publish
    from workers.stream.security import client_options

    settings = load_settings()
    asyncio.run(publish(settings, client_options(settings), scenario, None))
    _say(f"scenario {scenario}: without rules of its own")


@app.command()
def show() -> None:
    """Print the rules of each scenario, and what is wrong with newer ones that the workers did not take."""
    from workers.admin.refused import print_refused
    from workers.admin.rules import read_rules, rules_table
    from workers.stream.security import client_options

    settings = load_settings()
    found, refused = asyncio.run(read_rules(settings, client_options(settings)))
    if found:
        answers().print(rules_table(found))
    else:
        _say("no scenario has rules: settings and requests decide alone")
    print_refused(answers(), refused)


def _say(text: str) -> None:
    answers().print(text, markup=False, highlight=False, soft_wrap=True)
