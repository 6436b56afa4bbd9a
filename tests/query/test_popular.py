"""Popular lists answer as the index would, and ask it once a second."""

from collections.abc import Sequence

from models.retrieval.popular_lists import popularity_query, popularity_row
from workers.index.filters import Condition, Equals, ExcludeIds
from workers.index.memory import MemoryIndex
from workers.index.types import Hit, Point, Query
from workers.items.points import POPULARITY, TRANSITIONS, ItemPoints
from workers.recommend.popular import LENGTH, LISTS_BOUND, PopularLists

AVAILABLE = Equals("available", 1)
ITEMS = 3 * LENGTH


class CountingIndex(MemoryIndex):
    """Counts the queries that reach it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def search(self, queries: Sequence[Query]) -> list[list[Hit]]:
        self.asked += len(queries)
        return await super().search(queries)


async def shop() -> CountingIndex:
    """Items 0…599, the first the most popular, every third unavailable."""
    index = CountingIndex()
    await index.ensure(ItemPoints(dim=8).schema)
    await index.upsert(
        [
            Point(
                str(n),
                {POPULARITY: popularity_row([float(ITEMS - n)] * 3, ["film"])},
                {"available": n % 3 != 0},
            )
            for n in range(ITEMS)
        ]
    )
    return index


def popular(limit: int, *where: Condition, label: str = "*") -> Query:
    return Query(POPULARITY, popularity_query(1_000, label), limit, (AVAILABLE, *where))


async def test_answers_are_those_of_the_index() -> None:
    index = await shop()
    lists = PopularLists(index)
    queries = [
        popular(10),
        popular(10, label="film"),
        popular(10, label="nobody has this"),
        popular(10, ExcludeIds(frozenset({"1", "4"}))),
        Query(POPULARITY, popularity_query(1_000), 10),
    ]
    assert await lists.search(queries) == await index.search(queries)


async def test_the_same_list_is_asked_for_once() -> None:
    index = await shop()
    lists = PopularLists(index)
    for excluded in ("1", "2", "4"):
        await lists.search([popular(10, ExcludeIds(frozenset({excluded})))])
    assert index.asked == 1


async def test_who_has_seen_most_of_the_list_is_answered_by_the_index() -> None:
    index = await shop()
    lists = PopularLists(index)
    seen = ExcludeIds(frozenset(str(n) for n in range(ITEMS - 30)))
    (hits,) = await lists.search([popular(10, seen)])
    assert [hit.item_id for hit in hits] == [str(n) for n in range(ITEMS - 30, ITEMS) if n % 3][:10]


async def test_other_filters_and_other_spaces_go_to_the_index() -> None:
    index = await shop()
    lists = PopularLists(index)
    await lists.search([popular(10, Equals("category", "film"))])
    await lists.search([Query(TRANSITIONS, popularity_query(1_000), 10, (AVAILABLE,))])
    await lists.search([popular(10, Equals("category", "film"))])
    assert index.asked == 3


async def test_no_more_lists_are_kept_than_the_bound_and_the_first_made_go_first() -> None:
    index = await shop()
    lists = PopularLists(index)
    for n in range(LISTS_BOUND + 1):
        await lists.search([popular(1, label=f"category {n}")])
    asked = index.asked
    await lists.search([popular(1, label=f"category {LISTS_BOUND}")])
    assert index.asked == asked
    await lists.search([popular(1, label="category 0")])
    assert index.asked == asked + 1
