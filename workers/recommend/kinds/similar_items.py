"""`similar_items` and `bought_together`: what goes with the items asked about, whoever asks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.primitives.text import Vector
from models.retrieval.retrieval import Asked
from models.retrieval.sources import BOUGHT_TOGETHER, COLLABORATIVE, CONTENT, COOCCURRENCE, TRANSITIONS, seed_query
from workers.errors import BadRecordError
from workers.items.points import COLLABORATIVE_SPACES, EMBEDDING
from workers.recommend.context import Known, QueryContext, named
from workers.recommend.kinds.for_user import LONGEST, POPULAR
from workers.recommend.kinds.session import middle
from workers.recommend.question import Question
from workers.recommend.search import Search
from workers.records.codes import RequestFailure


def similar_items(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """By what users do after and beside them, by what they are like, and by learned vectors where some answer."""
    item_ids = _of_catalog(context.request.item_ids, known)
    seeds = seed_query(context.request.item_ids, known.table.users_of)
    content = known.turned(middle(context.request.item_ids, known.table, decay=1.0))
    searches = [] if content is None else [Search(CONTENT, EMBEDDING, content)]
    if (near := _learned(item_ids, known)) is not None:
        searches.append(near)
    asked = Asked(
        history={TRANSITIONS: seeds, COOCCURRENCE: seeds},
        dense=named([(CONTENT, content)]),
        lists=POPULAR,
        moment=known.moment,
    )
    return replace(context, asked=asked, searches=tuple(searches))


def bought_together(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """By what the same users bought, in either order; what they liked besides fills the list."""
    _of_catalog(context.request.item_ids, known)
    seeds = seed_query(context.request.item_ids, known.table.buyers_of)
    history = {COOCCURRENCE: seeds, BOUGHT_TOGETHER: seeds}
    return replace(context, asked=Asked(history=history, lists=((LONGEST, None),), moment=known.moment))


def _of_catalog(item_ids: Sequence[str], known: Known) -> list[str]:
    """Raises `BadRecordError` if none of the items asked about is in the catalog."""
    found = [item_id for item_id in item_ids if known.table.knows(item_id)]
    if not found:
        raise BadRecordError(
            RequestFailure.UNKNOWN_ITEM,
            f"none of the items {list(item_ids)[:5]} is in the catalog: publish it to item-catalog first",
        )
    return found


def _learned(item_ids: Sequence[str], known: Known) -> Search | None:
    """A search by the sum of the items' learned vectors; None where none has one, or no version answers."""
    space = known.index.learned_space()
    if space is None:
        return None
    found: list[Vector] = []
    for item_id in item_ids:
        row = known.items.row(item_id)
        for slot, vector in ({} if row is None else row.slots.vectors()).items():
            if COLLABORATIVE_SPACES[slot] == space and len(vector) == known.index.learned_dim:
                found.append(vector)
    total: Vector = np.sum(found, axis=0, dtype=np.float32) if found else np.zeros(1, dtype=np.float32)
    return Search(COLLABORATIVE, space, total) if total.any() else None
