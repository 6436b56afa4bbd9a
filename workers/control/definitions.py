"""The definitions as the topic holds them, in its order: what every reader of the topic agrees on (no I/O)."""

from collections.abc import Mapping

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.experiment import Experiment, decode_experiment
from workers.records.wire import key_text
from workers.stream.chunk import Record

MOST_ENDED = 1_000
"""Ended experiments that are remembered for reports; Kafka forgets them by itself after a while."""


class Definitions:
    """Folds records of `experiments`; a bad one changes nothing, the last good one of its name stays."""

    def __init__(self) -> None:
        self._current: dict[str, Experiment] = {}
        self._ended: dict[str, Experiment] = {}

    @property
    def current(self) -> Mapping[str, Experiment]:
        """By name, the one longest unchanged first."""
        return self._current

    @property
    def ended(self) -> Mapping[str, Experiment]:
        """What ended ones were, as far as the topic still holds it."""
        return self._ended

    def apply(self, record: Record) -> None:
        """Take a definition, or the end of one; raises `BadRecordError` for what is neither."""
        if record.value is None:
            self._end(record)
            return
        experiment = decode_experiment(record.value, record.key)
        self._current.pop(experiment.name, None)
        self._ended.pop(experiment.name, None)
        self._current[experiment.name] = experiment

    def _end(self, record: Record) -> None:
        name = key_text(record.key)
        if name is None:
            raise BadRecordError(Reason.INVALID_ID, "a null value ends the experiment that the key names: set the key")
        ended = self._current.pop(name, None)
        if ended is not None:
            self._ended[name] = ended
            if len(self._ended) > MOST_ENDED:
                self._ended.pop(next(iter(self._ended)))
