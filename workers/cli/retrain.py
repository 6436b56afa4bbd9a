"""`tastestream retrain`: collaborative item vectors learned, published, switched and taken back."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from workers.admin.console import answers, for_bars
from workers.settings import Settings, load_settings

app = typer.Typer(invoke_without_command=True, help="Item vectors learned from what is liked together: make, switch.")

Wait = Annotated[float, typer.Option(help="most seconds to wait until workers have taken a version", min=0)]

# Steps of the factorisation between two moves of the bar: each move costs as much as a row.
_STRIDE = 500


@app.callback()
def retrain(
    context: typer.Context,
    ratings: Annotated[
        Path | None, typer.Option(help="learn from this CSV file (user, item, rating, time), not from the stream")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the random sketch: the same seed gives the same vectors")] = 0,
    activate: Annotated[bool, typer.Option("--activate", help="let the new version answer, too")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="learn nothing: let the version before answer")] = False,
    wait_s: Wait = 60.0,
) -> None:
    """Learn item vectors from the counts that the stream holds, and publish them beside those that answer now."""
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()
    if rollback:
        from workers.admin.vectors.publish import roll_back

        pointer = asyncio.run(roll_back(settings, wait_s=wait_s))
        return _tell(pointer.active, pointer.previous)
    asyncio.run(_retrain(settings, ratings, seed))
    if activate:
        _activate(settings, None, wait_s)


@app.command("activate")
def activate_version(
    version: Annotated[int | None, typer.Argument(help="as `list` shows it; without one: the newest")] = None,
    wait_s: Wait = 60.0,
) -> None:
    """Let a version that was published answer, from one answer to the next."""
    _activate(load_settings(), version, wait_s)


@app.command("list")
def list_versions() -> None:
    """Show both slots, and which version answers."""
    from workers.admin.refused import print_refused
    from workers.admin.vectors.publish import inspect_versions
    from workers.admin.vectors.report import versions_table

    versions, refused = asyncio.run(inspect_versions(load_settings()))
    answers().print(versions_table(versions))
    print_refused(answers(), refused)


async def _retrain(settings: Settings, ratings: Path | None, seed: int) -> None:
    from models.factorization.collaborative import steps
    from workers.admin.bars import rate_bar
    from workers.admin.state.changelog import read_state
    from workers.admin.vectors.publish import publish
    from workers.admin.vectors.rating_file import counts_of_file
    from workers.admin.vectors.train import counts_of_rows, train, with_all
    from workers.records.scale import rating_scale
    from workers.runtime.run import prepare_topics

    await prepare_topics(settings)
    state = await read_state(settings)
    rows = counts_of_rows(state.counts, state.items)
    counts = rows if ratings is None else counts_of_file(ratings, scale=rating_scale(settings.rating_scale))
    with rate_bar(for_bars()) as bar:
        task = bar.add_task("learning", total=steps(counts.matrix))
        learned = train(counts, settings.collaborative_dim, seed, _in_strides(lambda n: bar.advance(task, n)))
        bar.update(task, completed=steps(counts.matrix))
        whole = with_all(learned, rows.item_ids)
        sending = bar.add_task("publishing", total=len(whole.item_ids))
        version = await publish(settings, whole, lambda: bar.advance(sending))
    answers().print(
        f"version {version.version} in slot {version.slot}: {version.with_vector:,} of {version.items:,} items have a "
        f"vector, learned from {version.source}",
        highlight=False,
    )


def _activate(settings: Settings, version: int | None, wait_s: float) -> None:
    from workers.admin.vectors.publish import activate

    pointer = asyncio.run(activate(settings, version, wait_s=wait_s))
    _tell(pointer.active, pointer.previous)


def _tell(active: int | None, previous: int | None) -> None:
    now = "no collaborative vectors answer now" if active is None else f"version {active} answers now"
    before = "" if previous is None else f"; before it {previous} (`tastestream retrain --rollback`)"
    answers().print(now + before, highlight=False)


def _in_strides(advance: Callable[[int], None]) -> Callable[[], None]:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if done % _STRIDE == 0:
            advance(_STRIDE)

    return step
