"""Compiled loops of `models.state.pair_table`: counts in rows by successor, the largest in lists by predecessor.

All functions work in place on the arrays of one `Pairs`; tests compare them with plain dicts. They stay in one file:
numba's cache notices changes of the file that a function stands in, not of the functions that it calls. What runs
once a pair takes the arrays that it needs instead of all: each of the 14 costs some ns to hand over.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.state.compiled import inner, kernel
from models.state.item_state import TRANSITION_UNIT

EMPTY = 0xFFFFFFFF
"""Key of a free place: no predecessor has it (`known_key`)."""

LIST_BOUND = 200
"""Successors kept by predecessor: 50 lose 5 % of hits, all are no better and cost milliseconds a question."""

LARGEST = 0xFFFFFFFF
"""Counts stop here instead of starting again at 0."""

SMALLEST = 4
"""Entries of the smallest block; each size class has twice as many."""

NOWHERE, FULL = -1, -2
"""Instead of an address in a list: there is none for this successor; there will be one in a larger block."""

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


@kernel
def learn(
    pairs: Pairs,
    rows: Array,
    ends: Array,
    liked: Array,
    bounds: Array,
    keys: Array,
    steps: Array,
    heap: Array,
    begin: int,
) -> int:
    """Count events from number `begin` on; returns the number of the first that needs more room, or len(rows).

    Event e is on row rows[e]; its predecessors, nearest first, are keys[ends[e - 1] : ends[e]], uint32. What it adds
    to theirs by position: steps[0] to `near`, steps[1 + liked[e]] to `liked`, uint32 (3, n). A row that has
    2 · bounds[e] live entries after it is cut to bounds[e], 0 for no bound: by event, whatever the chunk. `heap` int64:
    as long as the largest bound, scratch.
    """
    for e in range(begin, len(rows)):
        first = ends[e - 1] if e else 0
        row, count = rows[e], ends[e] - first
        if not has_room(pairs, row, count):
            return e
        _raise(pairs, row, keys[first : ends[e]], steps[0][:count], steps[1 + liked[e]][:count])
        if bounds[e] and pairs.rows[row, LIVE] >= 2 * bounds[e]:
            cut(pairs, row, heap[: bounds[e]])
    return len(rows)


@kernel
def take_back(pairs: Pairs, row: int, keys: Array, near: Array, liked: Array) -> None:
    """Lower counts of a row, uint32 (n,) each; they end at 0, and what is not known is not missed."""
    start, entries, names, numbers = pairs.rows[row, START], pairs.row_blocks.entries, pairs.names, pairs.numbers
    for k in range(len(keys) if start >= 0 else 0):
        key = known_key(keys[k])
        at = _position(entries, key, start, SMALLEST << pairs.rows[row, SIZE])
        if entries[at, KEY] != key or not _is_live(entries, at):
            continue
        entries[at, NEAR] -= min(entries[at, NEAR], near[k])
        entries[at, LIKED] -= min(entries[at, LIKED], liked[k])
        if not _is_live(entries, at):
            pairs.rows[row, LIVE] -= 1
            pairs.totals[PAIRS] -= 1
        number = _number(names, numbers, key)
        _list_smaller(pairs.lists, pairs.list_blocks.entries, number, row, entries[at, NEAR], entries[at, LIKED])


@kernel
def put(pairs: Pairs, row: int, keys: Array, near: Array, liked: Array) -> None:
    """Make these a row's counts, uint32 (n,) each; there is room for them."""
    drop(pairs, row)
    if len(keys):
        _move_row(pairs, row, _class_of(len(keys)))
        _raise(pairs, row, keys, near, liked)


@kernel
def cut(pairs: Pairs, row: int, heap: Array) -> None:
    """Keep the len(heap) (at least 1) largest of a row's entries by rank, among equals those of smaller keys.

    `heap` int64 (n,), scratch: the addresses of the largest so far, the smallest of them in front.
    """
    rows, entries, count = pairs.rows, pairs.row_blocks.entries, len(heap)
    start, too_many = rows[row, START], rows[row, LIVE] - count
    if too_many <= 0:
        return
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
            _sift_down(entries, heap, _int(0))
        else:
            _clear(pairs, row, at)
    _move_row(pairs, row, _class_of(count))
    pairs.totals[ROWS_CUT] += 1
    pairs.totals[PAIRS_CUT] += too_many


@kernel
def drop(pairs: Pairs, row: int) -> None:
    """Forget a row; lists that named it are stale where they had left others out."""
    start, entries = pairs.rows[row, START], pairs.row_blocks.entries
    if start < 0:
        return
    for at in range(start, start + (SMALLEST << pairs.rows[row, SIZE])):
        if _is_live(entries, at):
            number = _number(pairs.names, pairs.numbers, _int(entries[at, KEY]))
            _list_smaller(pairs.lists, pairs.list_blocks.entries, number, row, np.uint32(0), np.uint32(0))
    _release(pairs.row_blocks, start, pairs.rows[row, SIZE])
    pairs.totals[PAIRS] -= pairs.rows[row, LIVE]
    pairs.rows[row, START] = -1
    pairs.rows[row, USED] = pairs.rows[row, LIVE] = 0


@kernel
def relist(pairs: Pairs) -> None:
    """Rebuild stale lists from the rows; one pass over all entries."""
    lists, listed, entries = pairs.lists, pairs.list_blocks.entries, pairs.row_blocks.entries
    for number in range(pairs.totals[LISTS]):
        if lists[number, STALE]:
            lists[number, USED] = lists[number, LEFT_OUT] = lists[number, FLOOR] = 0
            lists[number, FLOOR_TIE] = EMPTY
    for row in range(len(pairs.rows)):
        start = pairs.rows[row, START]
        for at in range(start, start + (SMALLEST << pairs.rows[row, SIZE]) if start >= 0 else start):
            if _is_live(entries, at):
                number = _number(pairs.names, pairs.numbers, _int(entries[at, KEY]))
                if lists[number, STALE]:
                    rank = _rank(_int(entries[at, NEAR]), _int(entries[at, LIKED]))
                    seat = _seat(lists, listed, pairs.ties, number, row, rank, bool(lists[number, STALE]))
                    if seat != NOWHERE:
                        for column in range(1, 3):
                            listed[seat, column] = entries[at, column]
                        listed[seat, KEY] = row
    lists[: pairs.totals[LISTS], STALE] = 0


@kernel
def ask(pairs: Pairs, keys: Array, weights: Array, sums: Array, touched: Array, taken: Array) -> int:
    """Number of rows in lists of predecessors `keys` whose Σ weights[k] · (near, liked) is above 0.

    They are in `touched` int32 (m,), their sums in `taken` float64 (m, 2); `sums` (m, 2) is zeros before and after.
    """
    found = 0
    for k in range(len(keys)):
        number = _number(pairs.names, pairs.numbers, known_key(keys[k]))
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
    for i in range(found):
        for column in range(2):
            taken[i, column] = sums[touched[i], column]
            sums[touched[i], column] = 0.0
    return found


@kernel
def look_up(pairs: Pairs, rows: Array, keys: Array, counts: Array) -> None:
    """counts[i, k] = (near, liked) of the pair of rows[i] and keys[k], int64 (rows, keys, 2), 0 if unknown."""
    entries = pairs.row_blocks.entries
    for i in range(len(rows)):
        start = pairs.rows[rows[i], START]
        for k in range(len(keys) if start >= 0 else 0):
            key = known_key(keys[k])
            at = _position(entries, key, start, SMALLEST << pairs.rows[rows[i], SIZE])
            if entries[at, KEY] == key:
                counts[i, k, 0], counts[i, k, 1] = entries[at, NEAR], entries[at, LIKED]


@kernel
def needs(pairs: Pairs, row: int, more: int) -> tuple[int, int]:
    """Entries that `more` predecessors of a row may take at most, in its blocks and in those of lists.

    A row may double again and again for one event and then be cut; a list at most once for each of its successors.
    """
    return 8 * (pairs.rows[row, USED] + more) + 4 * SMALLEST, more * 2 * (LIST_BOUND + SMALLEST)


@kernel
def has_room(pairs: Pairs, row: int, more: int) -> bool:
    """Whether `more` predecessors of a row fit, whichever blocks must move for them."""
    in_row, in_lists = needs(pairs, row, more)
    return bool(
        pairs.row_blocks.top[0] + in_row <= len(pairs.row_blocks.entries)
        and pairs.list_blocks.top[0] + in_lists <= len(pairs.list_blocks.entries)
        and pairs.totals[LISTS] + more <= len(pairs.lists)
        and 2 * (pairs.totals[LISTS] + more) <= len(pairs.names)
    )


@kernel
def rename(names: Array, numbers: Array, old_names: Array, old_numbers: Array) -> None:
    """Enter the lists of a directory into a larger one, which is empty."""
    for at in range(len(old_names)):
        if old_names[at] != EMPTY:
            position = _position_of_name(names, _int(old_names[at]))
            names[position], numbers[position] = old_names[at], old_numbers[at]


@inner
def known_key(index: int) -> int:
    """A sparse index as key: one of 4 billion stands for a free place, and counts as its neighbour."""
    return min(_int(index), _int(EMPTY - 1))


@inner
def _int(number: Any) -> int:
    """As int64: a function that gets other integers as well is compiled again for them."""
    return int(np.int64(number))


@inner
def _raise(pairs: Pairs, row: int, keys: Array, near: Array, liked: Array) -> None:
    """Raise the counts of a row's pairs, uint32 (n,) each; there is room for them."""
    rows, entries, names, numbers = pairs.rows, pairs.row_blocks.entries, pairs.names, pairs.numbers
    lists, listed, ties = pairs.lists, pairs.list_blocks.entries, pairs.ties
    for k in range(len(keys)):
        if not (near[k] or liked[k]):
            continue
        key = known_key(keys[k])
        at = _entry(rows, entries, row, key)
        if at < 0:
            _move_row(pairs, row, rows[row, SIZE] + 1 if rows[row, START] >= 0 else 0)
            at = _entry(rows, entries, row, key)
        is_new = not _is_live(entries, at)
        if is_new:
            rows[row, LIVE] += 1
            pairs.totals[PAIRS] += 1
        entries[at, NEAR] = min(_int(LARGEST), _int(entries[at, NEAR]) + _int(near[k]))
        entries[at, LIKED] = min(_int(LARGEST), _int(entries[at, LIKED]) + _int(liked[k]))
        number = _number(names, numbers, key)
        if number < 0:
            number = _new_list(pairs, key)
        rank = _rank(_int(entries[at, NEAR]), _int(entries[at, LIKED]))
        seat = _seat(lists, listed, ties, number, row, rank, is_new)
        if seat == FULL:
            _widen_list(pairs, number)
            seat = _seat(lists, listed, ties, number, row, rank, is_new)
        if seat != NOWHERE:
            listed[seat, KEY], listed[seat, NEAR], listed[seat, LIKED] = row, entries[at, NEAR], entries[at, LIKED]


@inner
def _entry(rows: Array, entries: Array, row: int, key: int) -> int:
    """Address of a key's entry in a row, made with counts of 0 if it is new; -1 if that needs a larger block."""
    if rows[row, START] < 0:
        return -1
    size = SMALLEST << rows[row, SIZE]
    at = _position(entries, key, rows[row, START], size)
    if entries[at, KEY] != key:
        if 4 * rows[row, USED] >= 3 * size:
            return -1
        entries[at, KEY], entries[at, NEAR], entries[at, LIKED] = key, 0, 0
        rows[row, USED] += 1
    return at


@inner
def _clear(pairs: Pairs, row: int, at: int) -> None:
    """Take the counts of a live entry; its place stays taken."""
    entries = pairs.row_blocks.entries
    entries[at, NEAR], entries[at, LIKED] = 0, 0
    pairs.rows[row, LIVE] -= 1
    pairs.totals[PAIRS] -= 1
    number = _number(pairs.names, pairs.numbers, _int(entries[at, KEY]))
    _list_smaller(pairs.lists, pairs.list_blocks.entries, number, row, np.uint32(0), np.uint32(0))


@inner
def _is_live(entries: Array, at: int) -> bool:
    return bool(entries[at, KEY] != EMPTY and (entries[at, NEAR] or entries[at, LIKED]))


@inner
def _is_smaller(entries: Array, at: int, other: int) -> bool:
    """Whether an entry of a row leaves before another one."""
    rank = _rank(_int(entries[at, NEAR]), _int(entries[at, LIKED]))
    other_rank = _rank(_int(entries[other, NEAR]), _int(entries[other, LIKED]))
    return bool(rank < other_rank or (rank == other_rank and entries[at, KEY] > entries[other, KEY]))


@inner
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


@inner
def _hashed(key: int, size: int) -> int:
    """Where the search for a key begins among `size` places, a power of two; keys are hashes, taken apart further."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return _int(mixed >> np.uint64(33)) & (size - 1)


@inner
def _position(entries: Array, key: int, start: int, size: int) -> int:
    """Address of a key's entry in a row's block, or of the free place where it belongs."""
    at = _hashed(key, size)
    while entries[start + at, KEY] != key and entries[start + at, KEY] != EMPTY:
        at = (at + 1) & (size - 1)
    return start + at


@inner
def _class_of(count: int) -> int:
    """Size class of the smallest block that holds `count` entries of a row, at most 3/4 full."""
    size_class = 0
    while 3 * (SMALLEST << size_class) < 4 * count:
        size_class += 1
    return size_class


@inner
def _move_row(pairs: Pairs, row: int, size_class: int) -> None:
    """Give a row a block of this class; entries without counts stay behind."""
    blocks, start, old_class = pairs.row_blocks, pairs.rows[row, START], pairs.rows[row, SIZE]
    target, size = _allocate(blocks, size_class), SMALLEST << size_class
    for at in range(target, target + size):
        blocks.entries[at, KEY] = EMPTY
    for at in range(start, start + (SMALLEST << old_class) if start >= 0 else start):
        if _is_live(blocks.entries, at):
            to = _position(blocks.entries, _int(blocks.entries[at, KEY]), target, size)
            for column in range(3):
                blocks.entries[to, column] = blocks.entries[at, column]
    if start >= 0:
        _release(blocks, start, old_class)
    pairs.rows[row, START], pairs.rows[row, SIZE], pairs.rows[row, USED] = target, size_class, pairs.rows[row, LIVE]


@inner
def _allocate(blocks: Blocks, size_class: int) -> int:
    start = blocks.free[size_class]
    if start >= 0:
        blocks.free[size_class] = _int(blocks.entries[start, 0]) - 1
    else:
        start = blocks.top[0]
        blocks.top[0] += SMALLEST << size_class
    return int(start)


@inner
def _release(blocks: Blocks, start: int, size_class: int) -> None:
    blocks.entries[start, 0] = blocks.free[size_class] + 1
    blocks.free[size_class] = start


@inner
def _number(names: Array, numbers: Array, key: int) -> int:
    """Number of a predecessor's list, -1 if it has none."""
    at = _position_of_name(names, key)
    return _int(numbers[at]) if names[at] == key else -1


@inner
def _position_of_name(names: Array, key: int) -> int:
    at = _hashed(key, len(names))
    while names[at] != key and names[at] != EMPTY:
        at = (at + 1) & (len(names) - 1)
    return at


@inner
def _new_list(pairs: Pairs, key: int) -> int:
    """Number of the list that a predecessor gets."""
    number = pairs.totals[LISTS]
    at = _position_of_name(pairs.names, key)
    pairs.names[at], pairs.numbers[at] = key, number
    pairs.lists[number, :] = 0
    pairs.lists[number, START], pairs.lists[number, FLOOR_TIE] = -1, EMPTY
    pairs.totals[LISTS] += 1
    return _int(number)


@inner
def _rank(near: int, liked: int) -> int:
    """What lists are ordered by: a liked event weighs as much as a direct transition."""
    return near + TRANSITION_UNIT * liked


@inner
def _seat(lists: Array, entries: Array, ties: Array, number: int, row: int, rank: int, is_new: bool) -> int:
    """Address for a successor whose counts did not fall, in a predecessor's list; a new one is not yet in it.

    NOWHERE if others are larger, FULL if the list needs a larger block.
    """
    start, length = lists[number, START], lists[number, USED]
    if length == LIST_BOUND:
        return _replaced(lists, entries, ties, number, row, rank)
    at = -1 if is_new else _member(entries, start, length, row)
    if at >= 0:
        return at
    if start < 0 or length == SMALLEST << lists[number, SIZE]:
        return FULL
    lists[number, USED] += 1
    return _int(start + length)


@inner
def _member(entries: Array, start: int, length: int, row: int) -> int:
    """Address of a successor in a list, -1 if it is not there."""
    for at in range(start, start + length):
        if entries[at, KEY] == row:
            return at
    return -1


@inner
def _replaced(lists: Array, entries: Array, ties: Array, number: int, row: int, rank: int) -> int:
    """Where a successor of this rank is written in a full list: over its own entry or the last one, or NOWHERE."""
    tie = _int(ties[row])
    if _comes_after(rank, tie, lists[number, FLOOR], lists[number, FLOOR_TIE]):
        lists[number, LEFT_OUT] = 1
        return NOWHERE
    last, last_rank, last_tie = NOWHERE, rank, tie
    for at in range(lists[number, START], lists[number, START] + LIST_BOUND):
        if entries[at, KEY] == row:
            return _int(at)
        other = _rank(_int(entries[at, NEAR]), _int(entries[at, LIKED]))
        if other <= last_rank:
            other_tie = _int(ties[entries[at, KEY]])
            if _comes_after(other, other_tie, last_rank, last_tie):
                last, last_rank, last_tie = _int(at), other, other_tie
    lists[number, LEFT_OUT], lists[number, FLOOR], lists[number, FLOOR_TIE] = 1, last_rank, last_tie
    return last


@inner
def _comes_after(rank: int, tie: int, other_rank: int, other_tie: int) -> bool:
    """Whether a successor's place in a list is behind another's."""
    return bool(rank < other_rank or (rank == other_rank and tie > other_tie))


@inner
def _widen_list(pairs: Pairs, number: int) -> None:
    """Move a list to a block twice as large, or to its first."""
    lists, blocks = pairs.lists, pairs.list_blocks
    start, size_class = lists[number, START], lists[number, SIZE]
    wider = size_class + 1 if start >= 0 else 0
    target = _allocate(blocks, wider)
    for at in range(lists[number, USED]):
        for column in range(3):
            blocks.entries[target + at, column] = blocks.entries[start + at, column]
    if start >= 0:
        _release(blocks, start, size_class)
    lists[number, START], lists[number, SIZE] = target, wider


@inner
def _list_smaller(lists: Array, entries: Array, number: int, row: int, near: Any, liked: Any) -> None:
    """Have a predecessor's list know the counts of a successor that fell: one that was left out may be larger now."""
    start, length = lists[number, START], lists[number, USED]
    at = _member(entries, start, length, row)
    if at < 0:
        return
    entries[at, NEAR], entries[at, LIKED] = near, liked
    lists[number, FLOOR], lists[number, FLOOR_TIE] = 0, EMPTY
    lists[number, STALE] |= lists[number, LEFT_OUT]
    if near == 0 and liked == 0:
        last = start + length - 1
        for column in range(3):
            entries[at, column] = entries[last, column]
        lists[number, USED] -= 1
