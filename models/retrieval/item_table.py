"""All items side by side in memory: facts, use, pairs and embeddings by slot."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.primitives.ids import sparse_index
from models.primitives.text import Rarity, Vector
from models.retrieval.best import best
from models.retrieval.catalog_columns import PRICE, CatalogColumns, CatalogFacts
from models.retrieval.dense_rows import DenseRows
from models.retrieval.item_slots import ItemSlots, Slots
from models.retrieval.popular_lists import Name, PopularLists
from models.retrieval.use_columns import UseColumns
from models.state.item_pairs import ItemPairs
from models.state.item_state import ItemState

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


class ItemTable:
    """What every source that is not a search of the index needs of all items; one that is described is in the catalog.

    An item has a slot as long as the catalog has it or its use is known. Columns follow states at `settle`, which every
    question calls first. Embeddings are made when one is asked for first (`embed`).

    >>> table = ItemTable(dim=2, embed=lambda item_id: np.array([1, 0], dtype=np.float32))
    >>> table.describe("a", CatalogFacts(labels=("Crime",)))
    >>> table.vector("a").tolist(), table.vector("b"), len(table)
    ([1.0, 0.0], None, 1)
    """

    def __init__(self, dim: int, embed: Callable[[str], Vector]) -> None:
        """`embed`: the embedding of an item of the catalog, float32 (dim,) of unit length, or zeros."""
        self.slots = ItemSlots()
        self.catalog = CatalogColumns()
        self.use = UseColumns()
        self.pairs = ItemPairs()
        self.rarity = Rarity(dim)
        self.popular = PopularLists(self._list_scores, lambda: self.slots.keys)
        self._embed = embed
        self._vectors = DenseRows(dim)
        self._used: set[int] = set()

    def __len__(self) -> int:
        """Length of every column: one more than the largest slot."""
        return len(self.slots)

    def describe(self, item_id: str, facts: CatalogFacts) -> None:
        """The catalog has the item, or describes it anew."""
        slot = self.slots.take(item_id)
        self._forget_vector(slot)
        self.catalog.put(slot, facts)

    def remove(self, item_id: str) -> None:
        """The catalog does not have the item any more."""
        slot = self.slots.find(item_id)
        if slot is None:
            return
        self._forget_vector(slot)
        self.catalog.clear(slot)
        if slot not in self._used:
            self.slots.release(slot)

    def knows(self, item_id: str) -> bool:
        """Whether the catalog has the item."""
        slot = self.slots.find(item_id)
        return slot is not None and bool(self.catalog.known(len(self))[slot])

    def new_state(self, item_id: str) -> ItemState:
        """An empty state of the item's use, in place of the one that it had."""
        self.drop_state(item_id)
        return ItemState(self.pairs, self._slot_of_use(item_id))

    def load_state(self, item_id: str, packed: bytes) -> ItemState:
        """The item's state as it was packed; ValueError if that is malformed: then nothing of its use is known."""
        slot = self._slot_of_use(item_id)
        try:
            state = ItemState.unpack(packed, self.pairs, slot)
        except ValueError:
            self.drop_state(item_id)
            raise
        self.use.note(state)
        return state

    def drop_state(self, item_id: str) -> None:
        """Nothing is known of the item's use any more."""
        slot = self.slots.find(item_id)
        if slot is None or slot not in self._used:
            return
        self.pairs.drop(slot)
        self.use.clear(slot)
        self._used.discard(slot)
        if not self.catalog.known(len(self))[slot]:
            self.slots.release(slot)

    def settle(self) -> None:
        """Have columns and lists say what states say."""
        self.pairs.relist()
        self.use.settle()

    def vector(self, item_id: str) -> Vector | None:
        """The embedding, float32 (dim,), None for an item that the catalog does not have."""
        slot = self.slots.find(item_id)
        if slot is None or not self.catalog.known(len(self))[slot]:
            return None
        self._make_vectors(np.array([slot]))
        return self._vectors.get(slot)

    def vectors(self, slots: Slots) -> NDArray[np.float32]:
        """Embeddings of these slots, float32 (n, dim); zeros where the catalog does not have the item."""
        self._make_vectors(slots)
        return self._vectors.rows(slots)

    def nearest(self, query: Vector, allowed: Mask, width: int) -> Slots:
        """Slots of the `width` items among `allowed`, bool (items,), with the largest dot product, best first.

        Of products above 0, among the embeddings that are made; `query` float32 (dim,). O(items × dim).
        """
        products = self._vectors.scores(query, len(self)).astype(np.float64)
        return best(np.where(allowed, products, 0.0), self.slots.keys, width)

    def embed_all(self) -> None:
        """Make the embeddings of all items of the catalog that have none yet."""
        self._make_vectors(np.flatnonzero(self.catalog.known(len(self))))

    def users_of(self, item_id: str) -> int:
        """How many users touched the item, 0 of an unknown one."""
        slot = self.slots.find(item_id)
        return 0 if slot is None else int(self.use.users(len(self))[slot])

    def buyers_of(self, item_id: str) -> int:
        """How many users bought it, 0 of an unknown one."""
        slot = self.slots.find(item_id)
        return 0 if slot is None else int(self.use.buyers(len(self))[slot])

    def labels_of(self, item_id: str) -> tuple[str, ...]:
        """The categories under which it is popular, none of an unknown one."""
        slot = self.slots.find(item_id)
        return () if slot is None else self.catalog.labels(slot, len(self))

    def prices_of(self, slots: Slots) -> list[float]:
        """Those prices of the items at `slots` that are known and above 0."""
        prices = self.catalog.number(PRICE, len(self))[slots]
        return [price for price in prices.tolist() if price > 0.0]

    def _make_vectors(self, slots: Slots) -> None:
        """Embed those that are not yet, of items of the catalog."""
        missing = slots[~self._vectors.present(slots)]
        for slot in missing[self.catalog.known(len(self))[missing]].tolist():
            vector = self._embed(self.slots.ids[slot])
            self._vectors.set(slot, vector)
            self.rarity.learn_one(vector)

    def _forget_vector(self, slot: int) -> None:
        known = self._vectors.get(slot)
        if known is not None:
            self.rarity.revert_one(known)
            self._vectors.clear(slot)

    def _slot_of_use(self, item_id: str) -> int:
        slot = self.slots.take(item_id)
        self.pairs.name(slot, sparse_index(item_id))
        self._used.add(slot)
        return slot

    def _list_scores(self, name: Name) -> Floats:
        """What a list is ordered by, 0 for items that the catalog does not have."""
        ordered_by, category = name
        count = len(self)
        listed = self.catalog.known(count)
        if category is not None:
            listed = listed & self.catalog.labelled(category, count)
        return np.where(listed, self.use.listed(ordered_by, count), 0.0)
