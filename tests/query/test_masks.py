"""Masks over all items say what `matches` says of each."""

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.retrieval.item_table import ItemTable
from tests.models.builders import evidence
from workers.index.filters import All, AnyOf, Condition, Equals, ExcludeIds, Not, OnlyIds, Range, matches
from workers.items.rows import ItemRow
from workers.recommend.masks import all_met, met

NAMES = ["a", "b", "c", "d"]
LABELS = st.sampled_from(["film", "song", "1", ""])
WHOLE = st.integers(-3, 3)
HALVES = st.integers(-6, 6).map(lambda n: n / 2)
NUMBERS = WHOLE | HALVES
ATTRIBUTE = st.booleans() | NUMBERS | LABELS
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "category": LABELS,
        "tags": st.lists(LABELS, max_size=3),
        "price": HALVES.map(abs),
        "available": st.booleans(),
        "published_at": WHOLE,
        "attributes": st.dictionaries(st.sampled_from(["x", "y"]), ATTRIBUTE | st.lists(LABELS, max_size=3)),
        "stars": st.sampled_from([1.0, 3.5, 4.0, 5.0]),
    },
)
IDS = st.frozensets(st.sampled_from([*NAMES, "nowhere"]))
BOUNDS = st.fixed_dictionaries({}, optional=dict.fromkeys(("gte", "gt", "lte", "lt"), NUMBERS))
ATTRIBUTES = st.sampled_from(["attributes.x", "attributes.y"])
KEYWORDS = st.sampled_from(["category", "tags"])
SIMPLE: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Equals, KEYWORDS, LABELS),
    st.builds(Equals, ATTRIBUTES, LABELS | WHOLE | st.booleans()),
    st.builds(Equals, st.just("available"), st.sampled_from([0, 1, 2])),
    st.builds(AnyOf, KEYWORDS | ATTRIBUTES, st.lists(LABELS, max_size=3).map(tuple)),
    st.builds(AnyOf, ATTRIBUTES, st.lists(WHOLE, max_size=3).map(tuple)),
    st.builds(
        lambda field, bounds: Range(field, **bounds), st.sampled_from(["price", "published_at", "mean_rating"]), BOUNDS
    ),
    st.builds(lambda field, number: Range(field, gte=number, lte=number), ATTRIBUTES, NUMBERS),
    st.builds(ExcludeIds, IDS),
    st.builds(OnlyIds, IDS),
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.builds(Not, inner) | st.lists(inner, max_size=3).map(lambda found: All(tuple(found))),
    max_leaves=4,
)


def table_of(entries: dict[str, dict[str, Any]]) -> ItemTable:
    table = ItemTable(2, lambda item_id: np.zeros(2, dtype=np.float32))
    table.new_state("uncataloged")
    for item_id, entry in entries.items():
        row = ItemRow()
        row.describe(orjson.dumps({name: content for name, content in entry.items() if name != "stars"}), 1)
        table.describe(item_id, row.facts())
        if "stars" in entry:
            state = table.new_state(item_id)
            state.apply(evidence(item_id=item_id, rating=entry["stars"]))
            table.use.note(state)
    table.settle()
    return table


def payload(entry: dict[str, Any]) -> dict[str, Any]:
    """What the index holds, and the mean rating that it once held as well."""
    found = {name: content for name, content in entry.items() if name not in ("stars", "attributes")}
    attributes = {n: int(v) if isinstance(v, bool) else v for n, v in entry.get("attributes", {}).items()}
    return {
        **found,
        "attributes": attributes,
        "available": int(entry.get("available", True)),
        "mean_rating": entry.get("stars"),
    }


@given(st.dictionaries(st.sampled_from(NAMES), ENTRIES), st.lists(CONDITIONS, max_size=3))
def test_all_met_is_what_matches_says(entries: dict[str, dict[str, Any]], conditions: list[Condition]) -> None:
    table = table_of(entries)
    expected = [
        item_id in entries and all(matches(one, item_id, payload(entries[item_id])) for one in conditions)
        for item_id in table.slots.ids
    ]
    assert all_met(conditions, table).tolist() == expected


def test_a_range_of_attributes_is_refused() -> None:
    with pytest.raises(ValueError, match="one number"):
        met(Range("attributes.x", gte=1), table_of({}))
