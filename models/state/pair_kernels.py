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
"""Key of a free place: no predecessor has it (`known_key`)."""

LIST_BOUND = 200
"""Successors kept by predecessor: 50 lose 5 % of hits, all are no better and cost milliseconds a question."""

LARGEST = 0xFFFFFFFF
"""Counts stop here instead of starting again at 0."""

SMALLEST = 4
"""Entries of the smallest block; each size class has twice as many."""

Array = NDArray[Any]

KEY, NEAR, LIKED = 0, 1, 2
"""An entry: a row's predecessor by index or a list's successor by row number; 2520 · Σ 1/distance; liked events."""

START, SIZE, USED = 0, 1, 2
"""Of a row or list: its block (-1 for none), the block's size class, places taken."""

LIVE = 3
"""Of a row: entries with counts; places of what was taken back whole stay taken until the row moves."""

LEFT_OUT, STALE, FLOOR, FLOOR_TIE = 3, 4, 5, 6
"""Of a list: whether it is cut; whether one that it left out may be larger now; rank and tie its last entry reaches."""

LISTS, PAIRS, ROWS_CUT, PAIRS_CUT = 0, 1, 2, 3
"""Totals of a table: lists; entries with counts; how often a row was cut at its bound, and what it lost."""


class Blocks(NamedTuple):
    """Entries, uint32 (n, 3), given out in blocks of doubling size; `free`: first block of each class, -1 for none."""

    entries: Array
    free: Array
    top: Array


class Pairs(NamedTuple):
    """`rows` int64 (m, 4) and `lists` int64 (k, 7) in blocks; `names` → `numbers`: the list of a predecessor's index.

    `ties` uint32 (m,): each row's own item index, which orders equal ranks the same everywhere. `totals` int64 (4,).
    """

    rows: Array
    ties: Array
    row_blocks: Blocks
    names: Array
    numbers: Array
    totals: Array
    lists: Array
    list_blocks: Blocks


@njit(cache=True)
def learn(
    pairs: Pairs, rows: Array, ends: Array, liked: Array, bounds: Array, keys: Array, near_window: int, begin: int
) -> int:
    """Count events from number `begin` on; returns the number of the first that needs more room, or len(rows).

    Event e is on row rows[e]; its predecessors, nearest first, are keys[ends[e - 1] : ends[e]], uint32. A row that
    has 2 · bounds[e] live entries after it is cut to bounds[e], 0 for no bound: by event, whatever the chunk.
    """
    for e in range(begin, len(rows)):
        first = ends[e - 1] if e else 0
        row = rows[e]
        if not has_room(pairs, row, ends[e] - first):
            return e
        for k in range(first, ends[e]):
            near = _near(k - first, near_window)
            if near or liked[e]:
                _add(pairs, row, known_key(keys[k]), near, liked[e])
        if bounds[e] and pairs.rows[row, LIVE] >= 2 * bounds[e]:
            cut(pairs, row, bounds[e])
    return len(rows)


@njit(cache=True)
def take_back(pairs: Pairs, row: int, keys: Array, liked: int, near_window: int) -> None:
    """Undo `learn` of one event; counts end at 0, and what is not known is not missed."""
    for k in range(len(keys) if pairs.rows[row, START] >= 0 else 0):
        _lower(pairs, row, known_key(keys[k]), _near(k, near_window), liked)


@njit(cache=True)
def put(pairs: Pairs, row: int, keys: Array, near: Array, liked: Array) -> None:
    """Make these a row's counts, uint32 (n,) each; there is room for them."""
    drop(pairs, row)
    if len(keys):
        _move_row(pairs, row, _class_of(len(keys)))
    for k in range(len(keys)):
        if near[k] or liked[k]:
            _add(pairs, row, known_key(keys[k]), _int(near[k]), _int(liked[k]))


@njit(cache=True)
def cut(pairs: Pairs, row: int, count: int) -> None:
    """Keep the `count` (at least 1) largest of a row's entries by rank, among equals those of smaller keys."""
    rows, entries = pairs.rows, pairs.row_blocks.entries
    start, too_many = rows[row, START], rows[row, LIVE] - count
    if too_many <= 0:
        return
    heap = np.empty(count, dtype=np.int64)  # addresses of the largest so far, the smallest of them in front
    kept = 0
    for at in range(start, start + (SMALLEST << rows[row, SIZE])):
        if not _is_live(entries, at):
            continue
        if kept < count:
            heap[kept] = at
            kept += 1
            for place in range(count // 2 - 1 if kept == count else -1, -1, -1):
                _sift_down(entries, heap, place)
        elif _is_smaller(entries, heap[0], at):
            _clear(pairs, row, heap[0])
            heap[0] = at
            _sift_down(entries, heap, 0)
        else:
            _clear(pairs, row, at)
    _move_row(pairs, row, _class_of(count))
    pairs.totals[ROWS_CUT] += 1
    pairs.totals[PAIRS_CUT] += too_many


@njit(cache=True)
def relist(pairs: Pairs) -> None:
    """Rebuild stale lists from the rows; one pass over all entries."""
    lists, entries = pairs.lists, pairs.row_blocks.entries
    for number in range(pairs.totals[LISTS]):
        if lists[number, STALE]:
            lists[number, USED] = lists[number, LEFT_OUT] = lists[number, FLOOR] = 0
            lists[number, FLOOR_TIE] = EMPTY
    for row in range(len(pairs.rows)):
        start = pairs.rows[row, START]
        for at in range(start, start + (SMALLEST << pairs.rows[row, SIZE]) if start >= 0 else start):
            if _is_live(entries, at):
                number = _list_of(pairs, _int(entries[at, KEY]))
                if lists[number, STALE]:
                    _list_larger(pairs, number, row, _int(entries[at, NEAR]), _int(entries[at, LIKED]), True)
    lists[: pairs.totals[LISTS], STALE] = 0


@njit(cache=True)
def ask(pairs: Pairs, keys: Array, weights: Array, sums: Array, touched: Array) -> tuple[Array, Array]:
    """Rows in lists of predecessors `keys`, int32 (n,), and Σ weights[k] · (near, liked) of each, if above 0: (n, 2).

    `sums` float64 (m, 2) is zeros before and after, `touched` int32 (m,) scratch.
    """
    found = 0
    for k in range(len(keys)):
        number = _number(pairs, known_key(keys[k]))
        if number < 0:
            continue
        start = pairs.lists[number, START]
        for at in range(start, start + pairs.lists[number, USED]):
            row = pairs.list_blocks.entries[at, KEY]
            near = weights[k, 0] * pairs.list_blocks.entries[at, NEAR]
            liked = weights[k, 1] * pairs.list_blocks.entries[at, LIKED]
            if near == 0.0 and liked == 0.0:
                continue
            if sums[row, 0] == 0.0 and sums[row, 1] == 0.0:
                touched[found] = row
                found += 1
            sums[row, 0] += near
            sums[row, 1] += liked
    taken = np.empty((found, 2))
    for i in range(found):
        taken[i] = sums[touched[i]]
        sums[touched[i]] = 0.0
    return touched[:found].copy(), taken


@njit(cache=True)
def look_up(pairs: Pairs, rows: Array, keys: Array, counts: Array) -> None:
    """counts[i, k] = (near, liked) of the pair of rows[i] and keys[k], int64 (rows, keys, 2), 0 if unknown."""
    entries = pairs.row_blocks.entries
    for i in range(len(rows)):
        # Rows beyond the last one that was named have no counts; compiled code would read what lies behind the array.
        start = pairs.rows[rows[i], START] if rows[i] < len(pairs.rows) else -1
        for k in range(len(keys) if start >= 0 else 0):
            key = known_key(keys[k])
            at = _position(entries, key, start, SMALLEST << pairs.rows[rows[i], SIZE])
            if entries[at, KEY] == key:
                counts[i, k, 0], counts[i, k, 1] = entries[at, NEAR], entries[at, LIKED]


@njit(cache=True)
def drop(pairs: Pairs, row: int) -> None:
    """Forget a row; lists that named it are stale where they had left others out."""
    start = pairs.rows[row, START]
    if start < 0:
        return
    for at in range(start, start + (SMALLEST << pairs.rows[row, SIZE])):
        if _is_live(pairs.row_blocks.entries, at):
            _clear(pairs, row, at)
    _release(pairs.row_blocks, start, pairs.rows[row, SIZE])
    pairs.rows[row, START], pairs.rows[row, USED] = -1, 0


@njit(cache=True)
def needs(pairs: Pairs, row: int, more: int) -> tuple[int, int]:
    """Entries that `more` predecessors of a row may take at most, in its blocks and in those of lists.

    A row may double again and again for one event and then be cut; a list at most once for each of its successors.
    """
    return 8 * (pairs.rows[row, USED] + more) + 4 * SMALLEST, more * 2 * (LIST_BOUND + SMALLEST)


@njit(cache=True)
def has_room(pairs: Pairs, row: int, more: int) -> bool:
    """Whether `more` predecessors of a row fit, whichever blocks must move for them."""
    in_row, in_lists = needs(pairs, row, more)
    return bool(
        pairs.row_blocks.top[0] + in_row <= len(pairs.row_blocks.entries)
        and pairs.list_blocks.top[0] + in_lists <= len(pairs.list_blocks.entries)
        and pairs.totals[LISTS] + more <= len(pairs.lists)
        and 2 * (pairs.totals[LISTS] + more) <= len(pairs.names)
    )


@njit(cache=True)
def rename(pairs: Pairs, names: Array, numbers: Array) -> None:
    """Enter the lists of a smaller directory into the table's own, which is empty."""
    for at in range(len(names)):
        if names[at] != EMPTY:
            position = _position_of_name(pairs, _int(names[at]))
            pairs.names[position], pairs.numbers[position] = names[at], numbers[at]


@njit(cache=True)
def known_key(index: int) -> int:
    """A sparse index as key: one of 4 billion stands for a free place, and counts as its neighbour."""
    return min(_int(index), _int(EMPTY - 1))


@njit(cache=True)
def _int(number: Any) -> int:
    """As int64: a function that gets other integers as well is compiled again for them."""
    return int(np.int64(number))


@njit(cache=True)
def _near(position: int, near_window: int) -> int:
    """What an event adds to `near` of its predecessor at a position, 0 for the nearest."""
    return TRANSITION_UNIT // (position + 1) if position < near_window else 0


@njit(cache=True)
def _add(pairs: Pairs, row: int, key: int, near: int, liked: int) -> None:
    """Raise the counts of one pair, by something; there is room for it."""
    entries = pairs.row_blocks.entries
    at = _entry(pairs, row, key)
    is_new = not _is_live(entries, at)
    if is_new:
        pairs.rows[row, LIVE] += 1
        pairs.totals[PAIRS] += 1
    near = min(_int(LARGEST), _int(entries[at, NEAR]) + near)
    liked = min(_int(LARGEST), _int(entries[at, LIKED]) + liked)
    entries[at, NEAR], entries[at, LIKED] = near, liked
    _list_larger(pairs, _list_of(pairs, key), row, near, liked, is_new)


@njit(cache=True)
def _lower(pairs: Pairs, row: int, key: int, near: int, liked: int) -> None:
    """Lower the counts of one pair to 0 at most, if it is known."""
    entries = pairs.row_blocks.entries
    at = _position(entries, key, pairs.rows[row, START], SMALLEST << pairs.rows[row, SIZE])
    if entries[at, KEY] != key or not _is_live(entries, at):
        return
    near = max(_int(0), _int(entries[at, NEAR]) - near)
    liked = max(_int(0), _int(entries[at, LIKED]) - liked)
    if near or liked:
        entries[at, NEAR], entries[at, LIKED] = near, liked
        _list_smaller(pairs, _list_of(pairs, key), row, near, liked)
    else:
        _clear(pairs, row, at)


@njit(cache=True)
def _clear(pairs: Pairs, row: int, at: int) -> None:
    """Take the counts of a live entry; its place stays taken."""
    entries = pairs.row_blocks.entries
    entries[at, NEAR], entries[at, LIKED] = 0, 0
    pairs.rows[row, LIVE] -= 1
    pairs.totals[PAIRS] -= 1
    _list_smaller(pairs, _list_of(pairs, _int(entries[at, KEY])), row, _int(0), _int(0))


@njit(cache=True)
def _is_live(entries: Array, at: int) -> bool:
    return bool(entries[at, KEY] != EMPTY and (entries[at, NEAR] or entries[at, LIKED]))


@njit(cache=True)
def _is_smaller(entries: Array, at: int, other: int) -> bool:
    """Whether an entry of a row leaves before another one."""
    rank = _rank(_int(entries[at, NEAR]), _int(entries[at, LIKED]))
    other_rank = _rank(_int(entries[other, NEAR]), _int(entries[other, LIKED]))
    return bool(rank < other_rank or (rank == other_rank and entries[at, KEY] > entries[other, KEY]))


@njit(cache=True)
def _sift_down(entries: Array, heap: Array, place: int) -> None:
    """Have the smallest of a heap's part in front of it again."""
    while True:
        smallest = place
        for child in range(2 * place + 1, min(2 * place + 3, len(heap))):
            if _is_smaller(entries, heap[child], heap[smallest]):
                smallest = child
        if smallest == place:
            return
        heap[place], heap[smallest] = heap[smallest], heap[place]
        place = smallest


@njit(cache=True)
def _hashed(key: int, size: int) -> int:
    """Where the search for a key begins among `size` places, a power of two; keys are hashes, taken apart further."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return _int(mixed >> np.uint64(33)) & (size - 1)


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
            return int(at)
    if rows[row, START] < 0:
        _move_row(pairs, row, 0)
    elif 4 * rows[row, USED] >= 3 * (SMALLEST << rows[row, SIZE]):
        _move_row(pairs, row, rows[row, SIZE] + 1)
    at = _position(entries, key, rows[row, START], SMALLEST << rows[row, SIZE])
    entries[at, KEY], entries[at, NEAR], entries[at, LIKED] = key, 0, 0
    rows[row, USED] += 1
    return at


@njit(cache=True)
def _class_of(count: int) -> int:
    """Size class of the smallest block that holds `count` entries of a row, at most 3/4 full."""
    size_class = 0
    while 3 * (SMALLEST << size_class) < 4 * count:
        size_class += 1
    return size_class


@njit(cache=True)
def _move_row(pairs: Pairs, row: int, size_class: int) -> None:
    """Give a row a block of this class; entries without counts stay behind."""
    blocks, start, old_class = pairs.row_blocks, pairs.rows[row, START], pairs.rows[row, SIZE]
    target, size = _allocate(blocks, size_class), SMALLEST << size_class
    blocks.entries[target : target + size, KEY] = EMPTY
    for at in range(start, start + (SMALLEST << old_class) if start >= 0 else start):
        if _is_live(blocks.entries, at):
            to = _position(blocks.entries, _int(blocks.entries[at, KEY]), target, size)
            blocks.entries[to] = blocks.entries[at]
    if start >= 0:
        _release(blocks, start, old_class)
    pairs.rows[row, START], pairs.rows[row, SIZE], pairs.rows[row, USED] = target, size_class, pairs.rows[row, LIVE]


@njit(cache=True)
def _allocate(blocks: Blocks, size_class: int) -> int:
    start = blocks.free[size_class]
    if start >= 0:
        blocks.free[size_class] = _int(blocks.entries[start, 0]) - 1
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
    return int(pairs.numbers[at]) if pairs.names[at] == key else -1


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
        number = pairs.totals[LISTS]
        pairs.names[at], pairs.numbers[at] = key, number
        pairs.lists[number, :] = 0
        pairs.lists[number, START], pairs.lists[number, FLOOR_TIE] = -1, EMPTY
        pairs.totals[LISTS] += 1
    return int(pairs.numbers[at])


@njit(cache=True)
def _rank(near: int, liked: int) -> int:
    """What lists are ordered by: a liked event weighs as much as a direct transition."""
    return near + TRANSITION_UNIT * liked


@njit(cache=True)
def _list_larger(pairs: Pairs, number: int, row: int, near: int, liked: int, is_new: bool) -> None:
    """Have a predecessor's list know the counts of a successor, which did not fall; a new one is not in it."""
    lists, entries = pairs.lists, pairs.list_blocks.entries
    rank, tie, start, length = _rank(near, liked), _int(pairs.ties[row]), lists[number, START], lists[number, USED]
    if length == LIST_BOUND and _comes_after(rank, tie, lists[number, FLOOR], lists[number, FLOOR_TIE]):
        lists[number, LEFT_OUT] = 1
        return
    last, last_rank, last_tie = _int(-1), rank, tie
    for at in range(start, start if is_new and length < LIST_BOUND else start + length):
        if entries[at, KEY] == row:
            entries[at, NEAR], entries[at, LIKED] = near, liked
            return
        other = _rank(_int(entries[at, NEAR]), _int(entries[at, LIKED]))
        if other <= last_rank:
            other_tie = _int(pairs.ties[entries[at, KEY]])
            if _comes_after(other, other_tie, last_rank, last_tie):
                last, last_rank, last_tie = at, other, other_tie
    if length < LIST_BOUND:
        last = _append(pairs, number)
    else:
        lists[number, LEFT_OUT], lists[number, FLOOR], lists[number, FLOOR_TIE] = 1, last_rank, last_tie
    if last >= 0:
        entries[last, KEY], entries[last, NEAR], entries[last, LIKED] = row, near, liked


@njit(cache=True)
def _comes_after(rank: int, tie: int, other_rank: int, other_tie: int) -> bool:
    """Whether a successor's place in a list is behind another's."""
    return bool(rank < other_rank or (rank == other_rank and tie > other_tie))


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
            lists[number, FLOOR], lists[number, FLOOR_TIE] = 0, EMPTY
            lists[number, STALE] |= lists[number, LEFT_OUT]
            if near == 0 and liked == 0:
                entries[at] = entries[start + length - 1]
                lists[number, USED] -= 1
            return
