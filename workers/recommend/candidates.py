"""Stages 3 to 5: everything that may be shown, with what every source says of it; all from memory (no I/O)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.primitives.titles import Match
from models.primitives.words import SearchedText
from models.ranking.ranking import Candidates
from models.retrieval import retrieval
from models.retrieval.item_slots import Slots
from models.retrieval.item_table import ItemTable
from models.retrieval.retrieval import POPULAR_SHARE, WIDTH
from models.retrieval.sources import COLLABORATIVE, KEYWORDS, TASTE, TEXT, TITLE
from workers.items.items import Items
from workers.recommend.context import QueryContext
from workers.recommend.filters import Allowed
from workers.recommend.rules import brought_by_rules
from workers.recommend.search import Found

Floats = NDArray[np.float64]

# Share of the best match's score below which an item has too little of the words asked for: letters in common with
# one of them are a tenth of a match, one word of four is a quarter.
LEAST_MATCH = 0.15
# Cosine to a searched text below which likeness says nothing: vectors that clients supply know no hashed words, and
# theirs are ±0.2 by chance. Measured by the largest of them, chance would decide.
LEAST_TOLD = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Candidates in the order of their `slots` (n,), ascending; `searched`: scores by source that searches gave."""

    slots: Slots
    candidates: Candidates
    searched: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Retrieved:
    """Slots (n,), ascending, and what searches said of them by source, float64 (n,)."""

    slots: Slots
    searched: Mapping[str, Floats] = field(default_factory=dict)


def width_for(context: QueryContext) -> int:
    """Candidates of each source: enough that a list of popular items alone fills the next page."""
    wanted = context.request.limit + len(context.page.returned)
    return max(context.controls.width or WIDTH, round(wanted / POPULAR_SHARE))


def retrieve(context: QueryContext, found: Found, may: Allowed, items: Items) -> Retrieved:
    """Everything that the sources bring and that may be shown, and what rules bring in.

    Where a text is searched for, only what matches it.
    """
    table, brought = items.table, found.slots(items.table)
    matching: Mapping[str, Floats] = {}
    if context.text is None:
        if context.compares:
            near = [table.nearest(query, may.shown, width_for(context)) for query in context.asked.dense.values()]
            brought = np.concatenate([brought, *near])
        brought = retrieval.candidates(table, context.asked, may.shown, width_for(context), brought)
    else:
        brought, matching = _matching(context.text, found, np.unique(brought[may.shown[brought]]), items)
    slots = brought_by_rules(brought, context, may, table)
    searched = {source: _over(slots, brought, scores) for source, scores in matching.items()}
    if COLLABORATIVE in found.scores:
        searched[COLLABORATIVE] = found.of(COLLABORATIVE, table, slots)
    return Retrieved(slots, searched)


def features(context: QueryContext, retrieved: Retrieved, table: ItemTable) -> Gathered:
    """Every source's raw score of every candidate; their embeddings where the list is to be diverse."""
    slots, item_ids = retrieved.slots, table.slots.ids[retrieved.slots]
    vectors = table.vectors(slots) if context.controls.diversity > 0.0 else None
    return Gathered(slots, Candidates(item_ids, scores(context, retrieved, table), vectors), retrieved.searched)


def scores(context: QueryContext, retrieved: Retrieved | Gathered, table: ItemTable) -> dict[str, Floats]:
    """Raw scores by source, float64 (n,); of a searched text likeness and taste only where they say something."""
    found = {**retrieval.scores(table, context.asked, retrieved.slots), **retrieved.searched}
    if context.text is not None:
        if TEXT in found:
            found[TEXT] = np.where(found[TEXT] >= LEAST_TOLD, found[TEXT], 0.0)
        if TASTE in found:
            found[TASTE] = np.maximum(found[TASTE], 0.0)
    return found


def _matching(text: SearchedText, found: Found, slots: Slots, items: Items) -> tuple[Slots, dict[str, Floats]]:
    """Those of `slots` that match, how well their titles do, and what words say beside that, 0 for too little."""
    summed = found.of(KEYWORDS, items.table, slots)
    titles, words = np.zeros(len(slots)), np.zeros(len(slots))
    for position, item_id in enumerate(items.table.slots.ids[slots].tolist()):
        title = items.entry(item_id).get("title", "")
        titles[position], words[position] = text.apart(float(summed[position]), title)
    words[words < LEAST_MATCH * words.max(initial=0.0)] = 0.0
    kept = (words > 0.0) | (titles > Match.NONE) | (found.of(TEXT, items.table, slots) > 0.0)
    return slots[kept], {KEYWORDS: words[kept], TITLE: titles[kept]}


def _over(slots: Slots, brought: Slots, known: Floats) -> Floats:
    """Scores of the items that were `brought`, over all `slots`: 0 for the others; both ascending."""
    found = np.zeros(len(slots))
    found[np.searchsorted(slots, brought)] = known
    return found
