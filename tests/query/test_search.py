"""A search puts the title that was typed first, then titles with all its words, then the rest."""

from typing import Any

import pytest
import pytest_asyncio

from models.primitives.text import TEXT_DIM
from tests.query.builders import World, answer, describe, empty_world, fold, touch

FILMS: dict[str, dict[str, Any]] = {
    "big": {"title": "Big", "tags": ["Comedy", "Tom Hanks", "children", "body swap", "new york"]},
    "big-fish": {"title": "Big Fish", "tags": ["big"]},
    "sleep": {"title": "Big Sleep, The (1946)", "description": "A big case."},
    "hero": {"title": "Big Hero 6", "tags": ["big"]},
    "house": {"title": "House", "category": "big", "tags": ["big", "big house"], "description": "Big, big, big."},
    "spirited": {"title": "千と千尋の神隠し"},
    "farewell": {"title": "霸王别姬"},
    "murder": {"title": "살인의추억"},
    "nang-nak": {"title": "แม่นาคพระโขนง"},
    "psycho-1960": {"title": "Psycho"},
    "psycho-1998": {"title": "Psycho"},
    "psycho-2": {"title": "Psycho II", "tags": ["psycho", "horror"]},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> World:
    made = await empty_world(TEXT_DIM)
    await describe(made, *({"item_id": item_id, **film} for item_id, film in FILMS.items()))
    crowd = [(f"viewer-{n}", item_id) for n in range(9) for item_id in ("house", "big-fish", "psycho-2")]
    await touch(made, crowd)
    await fold(made)
    return made


async def ids(deps: World, text: str, **body: Any) -> list[str]:
    reply = await answer(deps, kind="search", text=text, **body)
    return [item.item_id for item in reply.items]


async def test_a_title_comes_first_then_those_with_its_words_then_the_rest(deps: World) -> None:
    found = await ids(deps, "big")
    assert (found[0], set(found[1:4]), found[4:]) == ("big", {"big-fish", "hero", "sleep"}, ["house"])


@pytest.mark.parametrize("text", ["The Big Sleep", "big sleep", "Big Sleep, The (1946)", "BIG SLEEP: THE"])
async def test_an_article_may_stand_in_front_behind_or_be_left_out(deps: World, text: str) -> None:
    assert (await ids(deps, text))[0] == "sleep"


async def test_items_of_the_same_title_share_the_first_places(deps: World) -> None:
    found = await ids(deps, "psycho")
    assert set(found[:2]) == {"psycho-1960", "psycho-1998"}
    assert found[2] == "psycho-2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("千尋", "spirited"),
        ("神隠し", "spirited"),
        ("姬", "farewell"),
        ("别姬", "farewell"),
        ("살인", "murder"),
        ("추억", "murder"),
        ("พระ", "nang-nak"),
    ],
)
async def test_a_piece_of_a_text_without_spaces_finds_it(deps: World, text: str, expected: str) -> None:
    assert await ids(deps, text) == [expected]


async def test_the_users_past_does_not_pass_a_better_title(deps: World) -> None:
    await touch(deps, [("fan", "house"), ("fan", "psycho-2")])
    await fold(deps)
    assert (await ids(deps, "big", user_id="fan", personalised=True))[0] == "big"
    assert set((await ids(deps, "psycho", user_id="fan", personalised=True))[:2]) == {"psycho-1960", "psycho-1998"}


async def test_pages_and_filters_keep_the_order(deps: World) -> None:
    whole = await answer(deps, kind="search", text="big", limit=5)
    first = await answer(deps, kind="search", text="big", limit=2)
    second = await answer(deps, kind="search", text="big", limit=2, next=first.next)
    third = await answer(deps, kind="search", text="big", limit=2, next=second.next)
    paged = [item.item_id for page in (first, second, third) for item in page.items]
    assert paged == [item.item_id for item in whole.items]
    assert await ids(deps, "big", filters={"tags": ["big"]}) == [i for i in paged if "big" in FILMS[i].get("tags", ())]


async def test_scores_fall_and_are_the_sum_of_their_reasons(deps: World) -> None:
    items = (await answer(deps, kind="search", text="big", explain=True)).items
    assert sorted((item.score for item in items), reverse=True) == [item.score for item in items]
    for item in items:
        assert sum(reason.contribution for reason in item.reasons) == pytest.approx(item.score, abs=1e-9)
