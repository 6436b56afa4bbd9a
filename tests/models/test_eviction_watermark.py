"""The watermark covers exactly what dropped rows had applied, and what came before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.state.eviction_watermark import EvictionWatermark

# What happens to rows: records of one of two origins that concern some of four keys, and keys that are dropped.
Applied = tuple[int, list[str]]
STEPS = st.lists(
    st.one_of(st.sampled_from("abcd"), st.tuples(st.integers(0, 1), st.lists(st.sampled_from("abcd"), max_size=3)))
)


@given(STEPS)
def test_whatever_was_applied_to_a_dropped_row_is_covered_and_what_comes_next_is_not(
    steps: list[str | Applied],
) -> None:
    watermark, rows, lost = (
        EvictionWatermark(),
        {key: dict[int, int]() for key in "abcd"},
        list[tuple[str, tuple[int, int]]](),
    )
    kept: dict[str, list[tuple[int, int]]] = {key: [] for key in "abcd"}
    for offset, step in enumerate(steps):
        if isinstance(step, str):
            watermark.drop(step, rows[step])
            lost += [(step, mark) for mark in kept[step]]
            rows[step], kept[step] = {}, []
        else:
            origin, keys = step
            for key in keys:
                assert not watermark.covers(key, (origin, offset))
                rows[key][origin] = offset
                kept[key].append((origin, offset))
    assert all(watermark.covers(key, mark) for key, mark in lost)
    again = EvictionWatermark.unpack(watermark.pack())
    marks = [(key, (origin, offset)) for key in "abcd" for origin in (0, 1) for offset in range(len(steps))]
    assert [again.covers(*mark) for mark in marks] == [watermark.covers(*mark) for mark in marks]


@given(STEPS, st.data())
def test_a_truncated_watermark_is_refused(steps: list[str | Applied], data: st.DataObject) -> None:
    watermark = EvictionWatermark()
    for offset, step in enumerate(steps):
        if not isinstance(step, str):
            watermark.drop("a", {step[0]: offset})
    packed = watermark.pack()
    with pytest.raises(ValueError):
        EvictionWatermark.unpack(packed[: data.draw(st.integers(0, len(packed) - 1))])


@given(STEPS)
def test_a_log_that_drops_rows_at_a_place_covers_all_that_came_before_it(steps: list[str | Applied]) -> None:
    reached, watermark, came = EvictionWatermark(), EvictionWatermark(), list[tuple[str, tuple[int, int]]]()
    covered = 0
    for offset, step in enumerate(steps):
        if isinstance(step, str):
            watermark.rise(reached)
            covered = len(came)
        else:
            origin, keys = step
            for key in keys:
                reached.reach(key, (origin, offset))
                came.append((key, (origin, offset)))
    assert [watermark.covers(*mark) for mark in came] == [True] * covered + [False] * (len(came) - covered)
    known = EvictionWatermark.unpack(watermark.pack())
    known.rise(watermark)
    assert known.pack() == watermark.pack()
