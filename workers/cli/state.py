"""`tastestream state`: the state as its changelogs hold it, while workers run or not."""

import asyncio
import re
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from workers.admin.console import wrapped
from workers.errors import BadRecordError, ConfigurationError
from workers.messages.plurals import counted
from workers.records.wire import parse_json
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Look at the state: digest, differences, single rows.")

OtherLog = Annotated[
    bool, typer.Option("--other-log", help="leave out popularity: its clock counts records, duplicates included")
]


@app.command()
def digest(
    json: Annotated[bool, typer.Option("--json", help="as JSON, to be compared by `state diff`")] = False,
    rows: Annotated[bool, typer.Option("--rows", help="with every row in the JSON: large")] = False,
) -> None:
    """Print a digest of the state: equal for equal states, whatever the order of processing."""
    from workers.admin.state.changelog import read_state
    from workers.admin.state.digest import to_json

    state = asyncio.run(read_state(load_settings()))
    digests = state.digests(keep_rows=rows)
    if json or rows:
        print(orjson.dumps(to_json(digests, state.notes()), option=orjson.OPT_INDENT_2).decode())
        return
    for name, table in digests.items():
        print(f"{name}: {counted(table.rows, 'row')}, {table.hash}")
        for number, (total, _) in {**table.decayed, **table.clocked}.items():
            print(f"  {number} {total!r}")
        if table.unreadable:
            print(f"  unreadable: {counted(table.unreadable, 'row')}; run `tastestream rebuild`")
    for note in sorted(set(state.notes())):
        print(note)


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(help="output of `state digest --json`")],
    second: Annotated[Path, typer.Argument(help="another one")],
    other_log: OtherLog = False,
    limit: Annotated[int, typer.Option(help="most lines about rows", min=1)] = 20,
) -> None:
    """Say what two digests differ in, and in which rows if they hold them (`--rows`); exit code 1 if they do."""
    from itertools import islice

    from workers.admin.state.digest import differences
    from workers.admin.state.rows_diff import unlike_rows

    ours, theirs = _load(first), _load(second)
    found = differences(ours, theirs, same_log=not other_log)
    for line in (*found, *islice(unlike_rows(ours, theirs, same_log=not other_log), limit)):
        print(line)
    if found:
        raise typer.Exit(1)
    print("the states are equal")


@app.command()
def show(
    user: Annotated[str | None, typer.Argument(help="user id")] = None,
    item: Annotated[str | None, typer.Option(help="item id")] = None,
) -> None:
    """Print the row of a user or of an item."""
    from workers.admin.state.show import item_lines, user_lines

    if user is not None and item is None:
        lines = asyncio.run(user_lines(load_settings(), user))
    elif item is not None and user is None:
        lines = asyncio.run(item_lines(load_settings(), item))
    else:
        raise ConfigurationError("name one user, or one item with --item")
    for line in lines:
        print(wrapped(line))


@app.command()
def drop(
    changelog: Annotated[str, typer.Argument(help="topic of the row, as the worker's message names it")],
    key: Annotated[str | None, typer.Option(help="id of the user or item")] = None,
    at: Annotated[str | None, typer.Option(metavar="P:O", help="or partition:offset of the unreadable record")] = None,
) -> None:
    """Take an unreadable row away, while no worker runs: its user or item starts from nothing.

    Its events so far count no more for it; `tastestream rebuild` brings all of them back instead.
    """
    from workers.admin.state.drop import drop_row

    position = None
    if at is not None:
        found = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18})", at)
        if found is None:
            raise typer.BadParameter(f"{at!r} is no place such as 0:17")
        position = int(found[1]), int(found[2])
    print(asyncio.run(drop_row(load_settings(), changelog, key, position)))


def _load(path: Path) -> dict[str, Any]:
    from workers.admin.state.digest import FORMAT

    try:
        loaded: dict[str, Any] = parse_json(path.read_bytes())
        if loaded["format"] == FORMAT and loaded["tables"]:
            return loaded
    except (OSError, BadRecordError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is no output of `tastestream state digest --json`: {error}") from error
    raise ConfigurationError(f"{path} is of another version of `tastestream state digest --json`: make it again")
