"""Compiled loops of `models.state.pair_table`: counts in rows by successor, the largest in lists by predecessor.

All functions work in place on the arrays of one `Pairs`; tests compare them with plain dicts. They stay in one file:
numba's cache notices changes of the file that a function stands in, not of the functions that it calls.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.state.item_state import TRANSITION_UNIT

EMPTY = 0xFFFFFFFF
"""Key of a free place: no predecessor has it (`models.state.pair_table.known_keys`)."""

LIST_BOUND = 200
"""Successors kept by predecessor: 50 lose 5 % of hits, all are no better and cost milliseconds a question."""

LARGEST = 0xFFFFFFFF
"""Counts stop here instead of starting again at 0."""

SMALLEST = 4
"""Entries of the smallest block; each size class has twice as many."""

Array = NDArray[Any]

PAIRS, CUTS, LOST = 0, 1, 2
"""Places in `Pairs.totals`."""

KEY, NEAR, LIKED = 0, 1, 2
"""An entry: a row's predecessor by index or a list's successor by row number; 2520 · Σ 1/distance; liked events."""

START, SIZE, USED = 0, 1, 2
"""Of a row or list: its block (-1 for none), the block's size class, places taken."""

LEFT_OUT, STALE, FLOOR = 3, 4, 5
"""Of a list: whether it is cut; whether one that it left out may be larger now; a rank that its last entry reaches."""


class Blocks(NamedTuple):
    """Entries, uint32 (n, 3), given out in blocks of doubling size; `free`: first block of each class, -1 for none."""

    entries: Array
    free: Array
    top: Array


class Pairs(NamedTuple):
    """`rows` int64 (m, 3) and `lists` int64 (k, 6) in blocks; `names` → `numbers`: the list of a predecessor's index.

    `ties` uint32 (m,): each row's own item index, which orders equal ranks the same everywhere. `totals` int64 (3,):
    pairs with counts, rows that were cut, pairs that were cut off.
    """

    rows: Array
    ties: Array
    row_blocks: Blocks
    names: Array
    numbers: Array
    known: Array
    lists: Array
    list_blocks: Blocks
    totals: Array


@njit(cache=True)
def learn(
    pairs: Pairs, rows: Array, ends: Array, liked: Array, bounds: Array, keys: Array, near_window: int, begin: int
) -> int:
    """Count events from number `begin` on; returns the number of the first that needs more room, or len(rows).

    Event e is on row rows[e]; its predecessors, nearest first, are keys[ends[e - 1] : ends[e]], uint32. A row that has
    2 · bounds[e] pairs after it is cut to bounds[e]; 0 is no bound.
    """
    for e in range(begin, len(rows)):
        first = ends[e - 1] if e else 0
        if not has_room(pairs, rows[e], ends[e] - first):
            return e
        for k in range(first, ends[e]):
            near = TRANSITION_UNIT // (k - first + 1) if k - first < near_window else 0
            if near or liked[e]:
                add(pairs, rows[e], keys[k], near, liked[e])
        if bounds[e] and pairs.rows[rows[e], USED] >= 2 * bounds[e]:
            cut(pairs, rows[e], bounds[e])
    return len(rows)


@njit(cache=True)
def add(pairs: Pairs, row: int, key: int, near: int, liked: int) -> None:
    """Raise the counts of one pair; there is room for it."""
    entries = pairs.row_blocks.entries
    at = _entry(pairs, row, key)
    pairs.totals[PAIRS] += entries[at, NEAR] == 0 and entries[at, LIKED] == 0
    entries[at, NEAR] = min(LARGEST, np.int64(entries[at, NEAR]) + near)
    entries[at, LIKED] = min(LARGEST, np.int64(entries[at, LIKED]) + liked)
    _list_larger(pairs, _list_of(pairs, key), row, entries[at, NEAR], entries[at, LIKED])


@njit(cache=True)
def take_back(pairs: Pairs, row: int, key: int, near: int, liked: int) -> None:
    """Lower the counts of one pair; they end at 0, and what is not known is not missed."""
    if pairs.rows[row, START] < 0:
        return
    entries = pairs.row_blocks.entries
    at = _position(entries, key, pairs.rows[row, START], SMALLEST << pairs.rows[row, SIZE])
    if entries[at, KEY] == key and (entries[at, NEAR] or entries[at, LIKED]):
        entries[at, NEAR] = max(0, np.int64(entries[at, NEAR]) - near)
        entries[at, LIKED] = max(0, np.int64(entries[at, LIKED]) - liked)
        pairs.totals[PAIRS] -= entries[at, NEAR] == 0 and entries[at, LIKED] == 0
        _list_smaller(pairs, _list_of(pairs, key), row, entries[at, NEAR], entries[at, LIKED])


@njit(cache=True)
def put(pairs: Pairs, row: int, keys: Array, near: Array, liked: Array) -> None:
    """Make these the counts of a row, which has none; there is room for them."""
    for k in range(len(keys)):
        if near[k] or liked[k]:
            add(pairs, row, keys[k], near[k], liked[k])


@njit(cache=True)
def cut(pairs: Pairs, row: int, bound: int) -> None:
    """If a row has 2 · `bound` pairs, keep those of the largest rank, equal ones by the smaller key.

    Entries without counts are left out first: whether there are any depends on when the row was read last.
    """
    entries, start, size = pairs.row_blocks.entries, pairs.rows[row, START], SMALLEST << pairs.rows[row, SIZE]
    kept = np.empty((pairs.rows[row, USED], 3), dtype=np.uint32)
    count = 0
    for at in range(start, start + size):
        if entries[at, KEY] != EMPTY and (entries[at, NEAR] or entries[at, LIKED]):
            kept[count] = entries[at]
            count += 1
    if count < 2 * bound:
        return
    ranks = np.empty(count, dtype=np.int64)
    kept = kept[:count][np.argsort(kept[:count, KEY], kind="mergesort")]
    for k in range(count):
        ranks[k] = -_rank(kept[k, NEAR], kept[k, LIKED])
    kept = kept[np.argsort(ranks, kind="mergesort")]
    for k in range(bound, count):
        _list_smaller(pairs, _list_of(pairs, kept[k, KEY]), row, 0, 0)
    entries[start : start + size, KEY] = EMPTY
    for k in range(bound):
        entries[_position(entries, kept[k, KEY], start, size)] = kept[k]
    pairs.rows[row, USED] = bound
    pairs.totals[PAIRS] -= count - bound
    pairs.totals[CUTS] += 1
    pairs.totals[LOST] += count - bound


@njit(cache=True)
def relist(pairs: Pairs) -> None:
    """Rebuild stale lists from the rows; one pass over all entries."""
    lists, entries = pairs.lists, pairs.row_blocks.entries
    for number in range(pairs.known[0]):
        if lists[number, STALE]:
            lists[number, USED] = lists[number, LEFT_OUT] = lists[number, FLOOR] = 0
    for row in range(len(pairs.rows)):
        start = pairs.rows[row, START]
        for at in range(start, start + (SMALLEST << pairs.rows[row, SIZE]) if start >= 0 else start):
            if entries[at, KEY] != EMPTY and (entries[at, NEAR] or entries[at, LIKED]):
                number = _list_of(pairs, entries[at, KEY])
                if lists[number, STALE]:
                    _list_larger(pairs, number, row, entries[at, NEAR], entries[at, LIKED])
    lists[: pairs.known[0], STALE] = 0


@njit(cache=True)
def ask(pairs: Pairs, keys: Array, weights: Array, sums: Array, touched: Array) -> int:
    """Add up the lists of predecessors `keys`: sums[row] += weights[k] · (near, liked), float64 (m, 2) and (k, 2).

    Returns how many rows were touched first, noted in `touched` int32 (m,); `sums` of others are zeros before.
    """
    found = 0
    for k in range(len(keys)):
        number = _number(pairs, keys[k])
        if number < 0:
            continue
        start = pairs.lists[number, START]
        for at in range(start, start + pairs.lists[number, USED]):
            row = pairs.list_blocks.entries[at, KEY]
            if sums[row, 0] == 0.0 and sums[row, 1] == 0.0:
                touched[found] = row
                found += 1
            sums[row, 0] += weights[k, 0] * pairs.list_blocks.entries[at, NEAR]
            sums[row, 1] += weights[k, 1] * pairs.list_blocks.entries[at, LIKED]
    return found


@njit(cache=True)
def look_up(pairs: Pairs, rows: Array, keys: Array, counts: Array) -> None:
    """counts[i, k] = (near, liked) of the pair of rows[i] and keys[k], int64 (rows, keys, 2), 0 if unknown."""
    entries = pairs.row_blocks.entries
    for i in range(len(rows)):
        start = pairs.rows[rows[i], START]
        for k in range(len(keys) if start >= 0 else 0):
            at = _position(entries, keys[k], start, SMALLEST << pairs.rows[rows[i], SIZE])
            if entries[at, KEY] == keys[k]:
                counts[i, k, 0], counts[i, k, 1] = entries[at, NEAR], entries[at, LIKED]


@njit(cache=True)
def drop(pairs: Pairs, row: int) -> None:
    """Forget a row; lists that named it are stale where they had left others out."""
    start = pairs.rows[row, START]
    if start < 0:
        return
    entries = pairs.row_blocks.entries
    for at in range(start, start + (SMALLEST << pairs.rows[row, SIZE])):
        if entries[at, KEY] != EMPTY and (entries[at, NEAR] or entries[at, LIKED]):
            _list_smaller(pairs, _list_of(pairs, entries[at, KEY]), row, 0, 0)
            pairs.totals[PAIRS] -= 1
    _release(pairs.row_blocks, start, pairs.rows[row, SIZE])
    pairs.rows[row, START], pairs.rows[row, USED] = -1, 0


@njit(cache=True)
def needs(pairs: Pairs, row: int, more: int) -> tuple[int, int]:
    """Entries that `more` predecessors of a row may take at most, in its blocks and in those of lists.

    A row may double again and again for one event; a list at most once for each of its successors.
    """
    return 8 * (pairs.rows[row, USED] + more) + 4 * SMALLEST, more * 2 * (LIST_BOUND + SMALLEST)


@njit(cache=True)
def has_room(pairs: Pairs, row: int, more: int) -> bool:
    """Whether `more` predecessors of a row fit, whichever blocks must move for them."""
    in_row, in_lists = needs(pairs, row, more)
    return bool(
        pairs.row_blocks.top[0] + in_row <= len(pairs.row_blocks.entries)
        and pairs.list_blocks.top[0] + in_lists <= len(pairs.list_blocks.entries)
        and pairs.known[0] + more <= len(pairs.lists)
        and 2 * (pairs.known[0] + more) <= len(pairs.names)
    )


@njit(cache=True)
def rename(pairs: Pairs, names: Array, numbers: Array) -> None:
    """Enter the lists of a smaller directory into the table's own, which is empty."""
    for at in range(len(names)):
        if names[at] != EMPTY:
            position = _position_of_name(pairs, names[at])
            pairs.names[position], pairs.numbers[position] = names[at], numbers[at]


@njit(cache=True)
def _hashed(key: int, size: int) -> int:
    """Where the search for a key begins among `size` places, a power of two; keys are hashes, taken apart further."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return int(np.int64(mixed >> np.uint64(33)) & (size - 1))


@njit(cache=True)
def _position(entries: Array, key: int, start: int, size: int) -> int:
    """Address of a key's entry in a row's block, or of the free place where it belongs."""
    at = _hashed(key, size)
    while entries[start + at, KEY] != key and entries[start + at, KEY] != EMPTY:
        at = (at + 1) & (size - 1)
    return start + at


@njit(cache=True)
def _entry(pairs: Pairs, row: int, key: int) -> int:
    """Address of a key's entry in a row, made with counts of 0 if it is new."""
    rows, entries = pairs.rows, pairs.row_blocks.entries
    if rows[row, START] >= 0:
        at = _position(entries, key, rows[row, START], SMALLEST << rows[row, SIZE])
        if entries[at, KEY] == key:
            return at
    if rows[row, START] < 0 or 4 * rows[row, USED] >= 3 * (SMALLEST << rows[row, SIZE]):
        _widen_row(pairs, row)
    at = _position(entries, key, rows[row, START], SMALLEST << rows[row, SIZE])
    entries[at, KEY], entries[at, NEAR], entries[at, LIKED] = key, 0, 0
    rows[row, USED] += 1
    return at


@njit(cache=True)
def _widen_row(pairs: Pairs, row: int) -> None:
    """Move a row to a block twice as large; entries without counts stay behind."""
    blocks, start, size_class = pairs.row_blocks, pairs.rows[row, START], pairs.rows[row, SIZE]
    wider = size_class + 1 if start >= 0 else 0
    target, size = _allocate(blocks, wider), SMALLEST << wider
    blocks.entries[target : target + size, KEY] = EMPTY
    used = 0
    for at in range(start, start + (SMALLEST << size_class) if start >= 0 else start):
        one = blocks.entries[at]
        if one[KEY] != EMPTY and (one[NEAR] or one[LIKED]):
            blocks.entries[_position(blocks.entries, one[KEY], target, size)] = one
            used += 1
    if start >= 0:
        _release(blocks, start, size_class)
    pairs.rows[row, START], pairs.rows[row, SIZE], pairs.rows[row, USED] = target, wider, used


@njit(cache=True)
def _allocate(blocks: Blocks, size_class: int) -> int:
    start = blocks.free[size_class]
    if start >= 0:
        blocks.free[size_class] = np.int64(blocks.entries[start, 0]) - 1
    else:
        start = blocks.top[0]
        blocks.top[0] += SMALLEST << size_class
    return int(start)


@njit(cache=True)
def _release(blocks: Blocks, start: int, size_class: int) -> None:
    blocks.entries[start, 0] = blocks.free[size_class] + 1
    blocks.free[size_class] = start


@njit(cache=True)
def _number(pairs: Pairs, key: int) -> int:
    """Number of a predecessor's list, -1 if it has none."""
    at = _position_of_name(pairs, key)
    return pairs.numbers[at] if pairs.names[at] == key else -1


@njit(cache=True)
def _position_of_name(pairs: Pairs, key: int) -> int:
    at = _hashed(key, len(pairs.names))
    while pairs.names[at] != key and pairs.names[at] != EMPTY:
        at = (at + 1) & (len(pairs.names) - 1)
    return at


@njit(cache=True)
def _list_of(pairs: Pairs, key: int) -> int:
    """Number of a predecessor's list, the next one if it has none."""
    at = _position_of_name(pairs, key)
    if pairs.names[at] == EMPTY:
        pairs.names[at], pairs.numbers[at] = key, pairs.known[0]
        pairs.lists[pairs.known[0], :] = 0
        pairs.lists[pairs.known[0], START] = -1
        pairs.known[0] += 1
    return int(pairs.numbers[at])


@njit(cache=True)
def _rank(near: int, liked: int) -> int:
    """What lists are ordered by: a liked event weighs as much as a direct transition."""
    return int(np.int64(near) + TRANSITION_UNIT * np.int64(liked))


@njit(cache=True)
def _list_larger(pairs: Pairs, number: int, row: int, near: int, liked: int) -> None:
    """Have a predecessor's list know the counts of a successor, which did not fall."""
    lists, entries = pairs.lists, pairs.list_blocks.entries
    rank, start, length = _rank(near, liked), lists[number, START], lists[number, USED]
    if length == LIST_BOUND and rank < lists[number, FLOOR]:
        lists[number, LEFT_OUT] = 1
        return
    last, last_rank = -1, rank
    for at in range(start, start + length):
        if entries[at, KEY] == row:
            entries[at, NEAR], entries[at, LIKED] = near, liked
            return
        other = _rank(entries[at, NEAR], entries[at, LIKED])
        if other < last_rank or (other == last_rank and pairs.ties[entries[at, KEY]] > _tie(pairs, last, row)):
            last, last_rank = at, other
    if length < LIST_BOUND:
        last = _append(pairs, number)
    else:
        lists[number, LEFT_OUT], lists[number, FLOOR] = 1, last_rank
    if last >= 0:
        entries[last, KEY], entries[last, NEAR], entries[last, LIKED] = row, near, liked


@njit(cache=True)
def _tie(pairs: Pairs, at: int, row: int) -> int:
    """The item index that decides among equals: of the last entry found so far, or of the row that wants to enter."""
    return int(pairs.ties[pairs.list_blocks.entries[at, KEY] if at >= 0 else row])


@njit(cache=True)
def _append(pairs: Pairs, number: int) -> int:
    """Address of a list's next free entry."""
    lists, blocks = pairs.lists, pairs.list_blocks
    start, size_class, length = lists[number, START], lists[number, SIZE], lists[number, USED]
    if start < 0 or length == SMALLEST << size_class:
        wider = size_class + 1 if start >= 0 else 0
        target = _allocate(blocks, wider)
        if start >= 0:
            blocks.entries[target : target + length] = blocks.entries[start : start + length]
            _release(blocks, start, size_class)
        lists[number, START], lists[number, SIZE] = target, wider
    lists[number, USED] += 1
    return int(lists[number, START] + length)


@njit(cache=True)
def _list_smaller(pairs: Pairs, number: int, row: int, near: int, liked: int) -> None:
    """Have a predecessor's list know the counts of a successor that fell: one that was left out may be larger now."""
    lists, entries = pairs.lists, pairs.list_blocks.entries
    start, length = lists[number, START], lists[number, USED]
    for at in range(start, start + length):
        if entries[at, KEY] == row:
            entries[at, NEAR], entries[at, LIKED] = near, liked
            lists[number, FLOOR] = 0
            lists[number, STALE] |= lists[number, LEFT_OUT]
            if near == 0 and liked == 0:
                entries[at] = entries[start + length - 1]
                lists[number, USED] -= 1
            return
