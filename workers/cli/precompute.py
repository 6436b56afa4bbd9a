"""`tastestream precompute`: the 20 most similar items of every item, as files."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.admin.console import answers, for_bars
from workers.errors import ConfigurationError
from workers.messages.plurals import counted
from workers.settings import Settings, load_settings

FILES = ("similar-items.jsonl", "similar-items.parquet")


def precompute(folder: Annotated[Path, typer.Argument(help="where the files go")]) -> None:
    """Write the 20 most similar items of every item as JSON lines and Parquet, with the vectors that answer now."""
    from workers.recommend.lists import write_lists

    lines = asyncio.run(_lines(load_settings()))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            write_lists(folder / name, lines)
    except OSError as error:
        raise ConfigurationError(f"{folder} can't be written to: {error}") from error
    version = lines[0]["version"]
    made_with = "what items are like alone: no version answers" if version is None else f"version {version}"
    answers().print(f"{counted(len(lines), 'item')} in {' and '.join(FILES)}, made with {made_with}", highlight=False)


async def _lines(settings: Settings) -> list[Any]:
    from workers.admin.bars import rate_bar
    from workers.admin.state.changelog import read_state
    from workers.admin.vectors.precompute import similar_lists
    from workers.admin.vectors.publish import read_versions

    state = await read_state(settings)
    versions = await read_versions(settings)
    with rate_bar(for_bars()) as bar:
        task = bar.add_task("looking for neighbours", total=len(state.items))
        return similar_lists(state.items, state.points, versions, settings.similar_share, lambda: bar.advance(task))
