"""`similar_items` and `bought_together`: what goes with the items asked about, whoever asks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.primitives.text import Vector
from models.retrieval.asking import bought_with_items, like_items, middle
from models.retrieval.sources import COLLABORATIVE
from workers.errors import BadRecordError
from workers.items.points import COLLABORATIVE_SPACES
from workers.recommend.context import Known, QueryContext
from workers.recommend.question import Question
from workers.recommend.search import Search
from workers.records.codes import RequestFailure


def similar_items(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """By what users do after and beside them, by what they are like, and by learned vectors where some answer."""
    item_ids, table = context.request.item_ids, known.table
    _check_known(item_ids, known)
    asked = like_items(table, item_ids, middle(table, item_ids), known.moment)
    return known.asking(context, asked, _by_learned_vectors(item_ids, known))


def bought_together(context: QueryContext, question: Question, known: Known) -> QueryContext:
    """By what the same users bought, in either order."""
    _check_known(context.request.item_ids, known)
    return replace(context, asked=bought_with_items(known.table, context.request.item_ids, known.moment))


def _check_known(item_ids: Sequence[str], known: Known) -> None:
    """Raises `BadRecordError` if none of the items asked about is in the catalog."""
    if not any(known.table.knows(item_id) for item_id in item_ids):
        raise BadRecordError(
            RequestFailure.UNKNOWN_ITEM,
            f"none of the items {list(item_ids)[:5]} is in the catalog: publish it to item-catalog first",
        )


def _by_learned_vectors(item_ids: Sequence[str], known: Known) -> Search | None:
    """A search by the sum of the items' learned vectors; None where none has one, or no version answers."""
    space = known.index.learned_space()
    if space is None:
        return None
    rows = [row for item_id in item_ids if (row := known.items.row(item_id)) is not None and row.catalog is not None]
    found: list[Vector] = [
        vector
        for row in rows
        for slot, vector in row.slots.vectors().items()
        if COLLABORATIVE_SPACES[slot] == space and len(vector) == known.index.learned_dim
    ]
    total = np.array(found, dtype=np.float32).sum(axis=0)
    return Search(COLLABORATIVE, space, total) if total.any() else None
