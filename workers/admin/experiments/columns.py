"""What was shown and what was done, as columns in bounded memory: a sample of users where all would be too many."""

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.attribution import Acts, Impressions, Ints, distinct

Mask = NDArray[np.bool_]

_JOINED = ("recommendation", "item", "user", "time_ms")
_TYPES = {"Q": np.uint64, "q": np.int64, "d": np.float64}


class Columns:
    """Rows of numbers, appended one by one; 8 bytes a number."""

    def __init__(self, **types: str) -> None:
        """`types`: by column Q for uint64, q for int64, d for float64."""
        self._columns = {name: array(code) for name, code in types.items()}

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def append(self, *row: float) -> None:
        """One number a column, in their order."""
        for column, number in zip(self._columns.values(), row, strict=True):
            column.append(number)  # type: ignore[arg-type]

    def keep(self, rows: Mask) -> None:
        """Drop all other rows."""
        for name, column in self._columns.items():
            kept = array(column.typecode)
            kept.frombytes(self.column(name)[rows].tobytes())
            self._columns[name] = kept

    def column(self, name: str) -> NDArray[Any]:
        """A copy of one column, shape (n,), of its type."""
        column = self._columns[name]
        return np.frombuffer(column, dtype=_TYPES[column.typecode]).copy()


class Sample:
    """All users, or a part of them by the hash of their id: whatever is left out says nothing on how they act.

    When more than `most` rows are held, half of the users go. The hash is not the one of any assignment.
    """

    def __init__(self, most: int) -> None:
        self.share = 1.0
        self._most = most
        self._impressions = Columns(recommendation="Q", item="Q", user="Q", time_ms="q", label="q")
        self._acts = Columns(recommendation="Q", item="Q", user="Q", time_ms="q", kind="q", value="d")
        self._users: set[int] = set()
        self._recommendations: set[int] = set()

    def show(self, recommendation: int, item: int, user: int, time_ms: int, label: int) -> None:
        """An item was shown to a user, in an answer with the variant's `label`."""
        if user < self.share * 2.0**64:
            self._impressions.append(recommendation, item, user, time_ms, label)
            self._users.add(user)
            self._recommendations.add(recommendation)
            if len(self._impressions) > self._most:
                self._halve()

    def act(self, recommendation: int, item: int, user: int, time_ms: int, kind: int, value: float) -> None:
        """A user did something with an item; of no interest where nothing was shown to them, or by that answer."""
        if user in self._users or recommendation in self._recommendations:
            self._acts.append(recommendation, item, user, time_ms, kind, value)
            if len(self._acts) > self._most:
                self._halve()

    def impressions(self) -> tuple[Impressions, Ints]:
        """What was shown, each item of each answer once, and the numbers of the labels."""
        every = Impressions(*(self._impressions.column(name) for name in _JOINED))
        once = distinct(every)
        labels = self._impressions.column("label")[once]
        return Impressions(*(self._impressions.column(name)[once] for name in _JOINED)), labels

    def acts(self) -> tuple[Acts, Ints, NDArray[np.float64]]:
        """What was done, of which kind, and what it was worth."""
        acts = Acts(*(self._acts.column(name) for name in _JOINED))
        return acts, self._acts.column("kind"), self._acts.column("value")

    def _halve(self) -> None:
        while max(len(self._impressions), len(self._acts)) > self._most:
            self.share /= 2.0
            self._impressions.keep(self._impressions.column("user") < np.uint64(self.share * 2.0**64))
            users, recommendations = self._impressions.column("user"), self._impressions.column("recommendation")
            of_users = np.isin(self._acts.column("user"), users)
            self._acts.keep(of_users | np.isin(self._acts.column("recommendation"), recommendations))
            self._users, self._recommendations = set(users.tolist()), set(recommendations.tolist())
