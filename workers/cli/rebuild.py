"""`tastestream rebuild`: empty state, then the log folded again."""

import asyncio
import os
from typing import Annotated

import typer

from workers.cli.moments import moment_ms
from workers.settings import load_settings


def rebuild(
    since: Annotated[
        int | None, typer.Option(parser=moment_ms, metavar="TIME", help="only events since: 30d, or ISO 8601")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="don't ask")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be done")] = False,
    fold: Annotated[bool, typer.Option(help="fold events now; without it workers do when they start")] = True,
) -> None:
    """Make state, evidence and index empty and fold the log again; all workers must be stopped.

    Catalog and interactions are read, never changed. After a crash run it again.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in `worker`
    from workers.admin.rebuild.fold import fold_log
    from workers.admin.rebuild.run import empty_state, plan_rebuild
    from workers.runtime.run import set_up_logging

    settings = load_settings()
    set_up_logging(settings.log_level)
    plan = asyncio.run(plan_rebuild(settings, since))
    print("\n".join(plan.lines()))
    if dry_run:
        return
    if not yes:
        typer.confirm("go on?", abort=True)
    asyncio.run(empty_state(settings, plan))
    asyncio.run(fold_log(settings, events=fold))
    print(
        "the log is folded: start the workers" if fold else "the catalog is folded: start the workers, for the events"
    )
