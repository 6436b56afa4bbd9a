"""The loading benchmark reads every rating in every way."""

from pathlib import Path

import pytest

from load.bench.loading import measure
from tests.load.folders import RATINGS, colon_folder, comma_folder


@pytest.mark.parametrize("make", [comma_folder, colon_folder])
def test_every_way_of_reading_is_measured_on_the_same_ratings(make: object, tmp_path: Path) -> None:
    assert callable(make)
    rows = measure("small", make(tmp_path), runs=1)
    assert [row.way for row in rows][2:] == ["read_ratings", "stream_ratings"]
    assert all(row.ratings == len(RATINGS) and row.rate > 0 for row in rows)
