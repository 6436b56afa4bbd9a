"""Sparse vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.sparse import SparseVector

weights = st.dictionaries(st.integers(0, 40), st.integers(-9, 9).map(float), max_size=20)


@given(weights, weights)
def test_dot_product_is_the_sum_over_common_indices(mine: dict[int, float], theirs: dict[int, float]) -> None:
    expected = sum(value * theirs.get(index, 0.0) for index, value in mine.items())
    assert SparseVector.of(mine).dot(SparseVector.of(theirs)) == pytest.approx(expected)


@given(weights)
def test_indices_are_sorted_unique_and_without_zeros(values: dict[int, float]) -> None:
    vector = SparseVector.of(values)
    assert np.all(np.diff(vector.indices.astype(np.int64)) > 0)
    assert np.all(vector.values != 0)
    assert len(vector) == sum(value != 0 for value in values.values())
