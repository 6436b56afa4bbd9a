"""`tastestream dlq`: what was refused and why; sent again once the cause is gone."""

import asyncio
import re
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.moments import moment_ms
from workers.messages.plurals import counted

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, replay.")

# More than a person overlooks at a glance are replayed only after a yes.
ASK_BEYOND = 10
MAX_SHOWN = 10_000

Reasons = Annotated[list[str] | None, typer.Option("--reason", help="reason code; may be repeated")]
Sources = Annotated[list[str] | None, typer.Option("--topic", help="topic of the refused record, prefix or not")]
Partition = Annotated[int | None, typer.Option(min=0, help="partition of the refused record")]
Since = Annotated[int | None, typer.Option(parser=moment_ms, metavar="TIME", help="refused since: 2h, 7d, or ISO 8601")]
Until = Annotated[int | None, typer.Option(parser=moment_ms, metavar="TIME", help="refused before that")]
Key = Annotated[str | None, typer.Option(help="key of the record, as text")]
Text = Annotated[str, typer.Option(help="somewhere in the value or the message")]
MaxAttempt = Annotated[int | None, typer.Option(min=1, help="refused at most so often")]
Limit = Annotated[int, typer.Option(min=0, max=MAX_SHOWN, help="letters shown one by one, the newest")]


@app.command("list")
def list_(
    reason: Reasons = None,
    topic: Sources = None,
    partition: Partition = None,
    since: Since = None,
    until: Until = None,
    key: Key = None,
    text: Text = "",
    max_attempt: MaxAttempt = None,
    limit: Limit = 20,
) -> None:
    """Count dead letters by topic and reason, and show the newest that were not replayed."""
    from workers.admin.dead_letters.asked import dead_letter_service, letter_filter
    from workers.admin.dead_letters.run import list_letters

    service = dead_letter_service()
    wanted = letter_filter(service.topics, reason, topic, partition, since, until, key, text, max_attempt)
    asyncio.run(list_letters(service, wanted, limit))


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="its name in `dlq list`, partition:offset")],
    save: Annotated[Path | None, typer.Option(help="file that gets the value's bytes as they came")] = None,
) -> None:
    """Print one letter whole: headers, value, reason, and what to do."""
    from workers.admin.dead_letters.asked import dead_letter_service
    from workers.admin.dead_letters.run import show_letter

    partition, offset = _position(letter)
    found = asyncio.run(show_letter(dead_letter_service(), partition, offset))
    if found is None:
        raise typer.BadParameter(f"there is no letter {letter}: `tastestream dlq list` shows which there are")
    if save is not None:
        save.write_bytes(found.value or b"")


@app.command()
def replay(
    letter: Annotated[list[str] | None, typer.Argument(help="names in `dlq list`; without any: all that match")] = None,
    reason: Reasons = None,
    topic: Sources = None,
    partition: Partition = None,
    since: Since = None,
    until: Until = None,
    key: Key = None,
    text: Text = "",
    max_attempt: MaxAttempt = 3,
    limit: Limit = 20,
    rate: Annotated[float, typer.Option(min=0.1, max=100_000, help="letters a second")] = 500.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would be replayed")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask, however many")] = False,
) -> None:
    """Send letters to their topics again, as they came; a letter counts once, however often it is sent."""
    from workers.admin.dead_letters.asked import dead_letter_service, letter_filter
    from workers.admin.dead_letters.run import replay_letters

    service = dead_letter_service()
    names = frozenset("{}:{}".format(*_position(one)) for one in letter or ())
    wanted = letter_filter(service.topics, reason, topic, partition, since, until, key, text, max_attempt, names)

    def agreed(count: int) -> bool:
        if dry_run:
            return False
        return yes or count <= ASK_BEYOND or typer.confirm(f"Replay {counted(count, 'letter')}?", abort=True)

    sent = asyncio.run(replay_letters(service, wanted, rate, limit, agreed))
    service.answers.print("nothing was sent" if dry_run else f"replayed {counted(sent, 'letter')}", highlight=False)


def _position(name: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18})", name)
    if found is None:
        raise typer.BadParameter(f"{name!r} is not the name of a letter, such as 0:17")
    return int(found[1]), int(found[2])
