"""A worker's dependencies over a small catalog whose answers are known."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.agents.dependencies import running_deps
from tests.query.builders import two_clusters
from workers.runtime.dependencies import Dependencies


@asynccontextmanager
async def answering_deps() -> AsyncIterator[Dependencies]:
    """Rows and pipeline of `two_clusters`; what is written is remembered (`Sent`)."""
    async with running_deps() as (deps, _), two_clusters() as world:
        yield replace(deps, items=world.items, users=world.users, pipeline=world.pipeline)
