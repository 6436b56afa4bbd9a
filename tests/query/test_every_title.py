"""Titles of a real catalog, typed as they are, find their items first: one of ten, and in the long tier every one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
import pytest_asyncio

from load.datasets.dataset import SHARED, load_dataset
from load.datasets.synthetic import Shape
from load.datasets.synthetic_files import write_synthetic
from models.primitives.text import TEXT_DIM
from models.primitives.titles import wanted
from tests.query.builders import World, answer, describe, empty_world

LEAST_SHARE = 0.995
LIMIT = 10
INVENTED = Shape(users=20, items=1_000, ratings=200, tags=300)
pytestmark = pytest.mark.timeout(600)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def films(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every title of ml-latest-small, or of a smaller invented catalog where that is not at hand."""
    if SHARED.is_dir():
        return load_dataset(SHARED).items
    folder = tmp_path_factory.mktemp("synthetic")
    write_synthetic(folder, INVENTED)
    return load_dataset(folder).items


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library(films: list[dict[str, Any]]) -> World:
    made = await empty_world(TEXT_DIM)
    await describe(made, *films)
    return made


@pytest.mark.parametrize("one_of", [10, pytest.param(1, marks=pytest.mark.long)])
async def test_titles_find_their_items_first(library: World, films: list[dict[str, Any]], one_of: int) -> None:
    same, titles = _by_title(films), list(_askable(films))[::one_of]
    wrong = [title for title in titles if await _misses(library, title, same)]
    assert len(wrong) <= (1.0 - LEAST_SHARE) * len(titles), wrong[:20]


async def test_titles_with_an_article_are_found_with_it_in_front(library: World, films: list[dict[str, Any]]) -> None:
    same = _by_title(films)
    turned = [_turned(title) for title in _askable(films) if title.endswith(", The")][:200]
    assert [text for text in turned if await _misses(library, text, same)] == []


async def _misses(library: World, text: str, same: dict[str, set[str]]) -> bool:
    expected = same[_plain(text)]
    reply = await answer(library, kind="search", text=text, user_id=None, limit=max(LIMIT, len(expected)))
    return {item.item_id for item in reply.items[: len(expected)]} != expected


def _askable(films: Sequence[dict[str, Any]]) -> Iterable[str]:
    return dict.fromkeys(title for film in films if any(map(str.isalnum, title := film["title"])))


def _by_title(films: Sequence[dict[str, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for film in films:
        found[_plain(film["title"])].add(film["item_id"])
    return found


def _plain(title: str) -> str:
    """What must be the same for two titles to be one: letters and digits in their order, the article in front."""
    return wanted(title).key


def _turned(title: str) -> str:
    name, _, article = title.rpartition(", ")
    return f"{article} {name}"
