"""Pages of one answer: together they are the whole list, once, whatever happens in between."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.ids import item_key
from tests.query.builders import CLUSTER, World, answer, request, touch, two_clusters
from workers.errors import BadRecordError
from workers.recommend.paging import MAX_SHOWN, Page, next_page, page_of
from workers.records.request import MAX_PAGE_CHARS

EVERY_KIND: dict[str, dict[str, Any]] = {
    "for_user": {},
    "a stranger": {"user_id": "nobody"},
    "session": {"kind": "session", "user_id": None, "item_ids": ["red-0", "red-1"]},
    "similar_items": {"kind": "similar_items", "item_ids": ["red-1"]},
    "bought_together": {"kind": "bought_together", "item_ids": ["red-1"]},
    "trending": {"kind": "trending"},
    "search": {"kind": "search", "text": "red blue"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deps() -> AsyncIterator[World]:
    async with two_clusters() as made:
        yield made


async def all_pages(deps: World, limit: int, **body: Any) -> list[Any]:
    pages = [await answer(deps, limit=limit, **body)]
    while pages[-1].next is not None:
        pages.append(await answer(deps, limit=limit, next=pages[-1].next, **body))
    return pages


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_pages_together_are_the_whole_list_each_item_once(deps: World, kind: str) -> None:
    whole = await answer(deps, limit=100, **EVERY_KIND[kind])
    pages = await all_pages(deps, limit=3, **EVERY_KIND[kind])
    shown = [item.item_id for page in pages for item in page.items]
    assert len(shown) == len(set(shown))
    assert set(shown) == {item.item_id for item in whole.items}
    assert [item.rank for page in pages for item in page.items] == list(range(1, len(shown) + 1))
    assert {page.recommendation_id for page in pages} == {"r1"}
    assert all(len(page.items) == 3 for page in pages[:-1])


async def test_a_list_that_is_complete_has_no_next_page(deps: World) -> None:
    assert (await answer(deps, limit=2 * CLUSTER - 2)).next is None
    assert (await answer(deps, limit=2 * CLUSTER - 3)).next is not None


async def test_events_between_two_pages_neither_repeat_nor_drop_an_item() -> None:
    async with two_clusters() as deps:
        whole = {item.item_id for item in (await answer(deps, limit=100)).items}
        first = await answer(deps, limit=4)
        await touch(deps, [("u", "blue-7"), ("somebody", "red-5")])
        second = await answer(deps, limit=100, next=first.next)
        shown = [item.item_id for page in (first, second) for item in page.items]
        assert sorted(shown) == sorted(whole - {"blue-7"})


async def test_limit_and_excluded_items_may_change_from_page_to_page(deps: World) -> None:
    first = await answer(deps, limit=2)
    second = await answer(deps, limit=5, exclude=["blue-3"], next=first.next)
    assert len(second.items) == 5
    assert "blue-3" not in {item.item_id for item in second.items}


@pytest.mark.parametrize(
    "changes", [{"user_id": "v"}, {"kind": "trending"}, {"filters": {"category": "red"}}, {"filters": {"tags": ["t"]}}]
)
async def test_a_page_of_another_request_is_refused(deps: World, changes: dict[str, Any]) -> None:
    first = await answer(deps, limit=2)
    with pytest.raises(BadRecordError, match="of another request") as refused:
        await answer(deps, next=first.next, **changes)
    assert refused.value.code == "invalid_page"


@pytest.mark.parametrize("token", ["", "x", "AAAA", "not base64!", "ü" * 40, "A" * 3_000])
def test_a_token_that_was_never_given_is_refused(token: str) -> None:
    with pytest.raises(BadRecordError, match="send it unchanged") as refused:
        page_of(request(next=token), "r2")
    assert refused.value.code == "invalid_page"


@given(st.integers(0, 200), st.sampled_from("AZaz09-_=. "))
def test_a_token_with_one_letter_changed_is_refused(position: int, letter: str) -> None:
    token = next_page(request(), Page("r1"), [f"i{n}" for n in range(10)]) or ""
    position %= len(token)
    changed = token[:position] + letter + token[position + 1 :]
    if changed != token:
        with pytest.raises(BadRecordError):
            page_of(request(next=changed), "r2")


def test_a_token_holds_the_answers_id_and_what_was_shown_in_order() -> None:
    first = next_page(request(), Page("r1"), ["a", "b"])
    page = page_of(request(next=first), "another")
    second = next_page(request(), page, ["c"])
    assert page_of(request(next=second), "another") == Page("r1", tuple(map(item_key, "abc")))


def test_pages_end_at_a_thousand_items_and_the_largest_token_is_taken() -> None:
    almost = Page("f" * 32, tuple(range(MAX_SHOWN - 2)))
    largest = next_page(request(), almost, ["a"]) or ""
    assert len(largest) <= MAX_PAGE_CHARS
    assert len(page_of(request(next=largest), "r2").returned) == MAX_SHOWN - 1
    assert next_page(request(), almost, ["a", "b"]) is None
