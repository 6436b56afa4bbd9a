"""Co-occurrence counts of a CSV file of ratings, for a start without a stream (reads a file)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from models.factorization.pair_counts import pair_counts
from workers.admin.vectors.train import Counts
from workers.errors import ConfigurationError
from workers.records.scale import STARS, RatingScale

LIKED_FROM = 4.0
"""Stars from here on are likes; in a file without ratings every line is one."""

_NAMES = {
    "user": ("user_id", "userid", "user", "visitorid"),
    "item": ("item_id", "itemid", "movieid", "item", "product_id"),
    "rating": ("rating", "value", "score"),
    "time": ("timestamp", "event_time", "time"),
}


def counts_of_file(path: Path, on_step: Callable[[], None] = lambda: None, scale: RatingScale = STARS) -> Counts:
    """What a stream of these events would have counted; raises `ConfigurationError` for a file that can't be read.

    A header names the columns: user, item, and where there are any rating and time (epoch; else by line).
    """
    columns = _columns(path)
    users = np.unique(_texts(columns["user"]), return_inverse=True)[1]
    names, items = np.unique(_texts(columns["item"]), return_inverse=True)
    count = len(items)
    liked = _liked(columns["rating"], path, scale) if "rating" in columns else np.ones(count, dtype=np.bool_)
    times = _numbers(columns["time"], path) if "time" in columns else np.zeros(count)
    order = np.argsort(times, kind="stable")
    matrix = pair_counts(users[order], items[order], liked[order], len(names), on_step=on_step)
    return Counts([str(name) for name in names], matrix, path.name)


def _liked(column: Any, path: Path, scale: RatingScale) -> Any:
    ratings = _numbers(column, path)
    outside = ratings[(ratings < scale.low) | (ratings > scale.high)]
    if len(outside):
        raise ConfigurationError(f"{path}: the rating {outside[0]:g} is outside {scale}, the scale of {scale.named_by}")
    return ratings >= scale.rating(LIKED_FROM)


def _columns(path: Path) -> dict[str, Any]:
    try:
        header = path.open(encoding="utf-8").readline().strip().split(",")
        texts = arrow_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()))
        table = arrow_csv.read_csv(path, convert_options=texts)
    except (OSError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise ConfigurationError(f"{path} can't be read as CSV with a header: {error}") from error
    by_name = {name.strip().strip('"').lower(): name for name in table.column_names}
    chosen = {what: next((by_name[name] for name in names if name in by_name), None) for what, names in _NAMES.items()}
    for what in ("user", "item"):
        if chosen[what] is None:
            raise ConfigurationError(f"{path} has no column of {what}s: name it {_NAMES[what][0]}")
    return {what: table[name] for what, name in chosen.items() if name is not None}


def _texts(column: Any) -> Any:
    return np.array(column.to_pylist(), dtype=np.str_)


def _numbers(column: Any, path: Path) -> Any:
    try:
        return column.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"{path}: a rating or a time is no number: {error}") from error
