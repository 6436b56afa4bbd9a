"""`recommendation-rules` (compacted, keyed by scenario) → the rules in force, in every worker and at once.

Rules that can't be used leave the scenario's last good ones in force.
"""

import logging

from workers.metrics import Metrics
from workers.recommend.controls import RuleBook
from workers.records.rules import decode_rules
from workers.stream.chunk import Record

log = logging.getLogger(__name__)


class SharedRules:
    """Keeps `book` like the topic; to be followed by a `CompactedTopicFollower`."""

    def __init__(self, book: RuleBook, metrics: Metrics) -> None:
        self._book = book
        self._metrics = metrics

    def apply(self, record: Record) -> None:
        """Put one record's rules in force, or take a scenario's away."""
        scenario, rules = decode_rules(record.value, record.key)
        self._book.put(scenario, rules)
        log.info("rules of scenario %r: %s", scenario, "taken away" if rules is None else "in force")

    def settle(self, refused: int) -> None:
        """Show how many scenarios have rules, and how many have newer ones that are refused."""
        self._metrics.set_rules(len(self._book), refused)
