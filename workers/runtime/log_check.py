"""Notices topics that were deleted and created again: rows know offsets that such a topic has yet to reach (no I/O).

Its records would be taken for old ones and skipped, silently, until it has grown past the old one.
"""

from collections.abc import Mapping

from aiokafka import TopicPartition

from models.state.user_state import UserState
from workers.errors import ConfigurationError
from workers.items.rows import CATALOG_ORIGIN, ItemRow
from workers.stream.table import Table
from workers.topics import Topics


class LogCheck:
    """Compares rows with the ends of their topics; walks through all rows of a partition, so ask only when in doubt."""

    def __init__(self, topics: Topics, users: Table[UserState], entries: Table[ItemRow]) -> None:
        self._topics = topics
        self._users = users
        self._entries = entries

    def check(self, ends: Mapping[TopicPartition, int]) -> None:
        """Raise `ConfigurationError` if a row holds a record at or behind the end of its partition.

        `ends`: offset after the last record, of partitions of which nothing is committed.
        """
        for tp, end in ends.items():
            highest = self._highest(tp)
            if highest >= end:
                raise ConfigurationError(
                    f"{tp.topic}[{tp.partition}] ends at offset {end}, but state holds its record {highest}: the topic "
                    "was deleted and created again, and its records would be taken for old ones. Delete the changelogs "
                    "as well and let state be built from what is there, or restore the topic"
                )

    def _highest(self, tp: TopicPartition) -> int:
        if tp.topic == self._topics.user_interactions:
            users = self._users.partitions.get(tp.partition)
            rows = () if users is None else (users.get(key) for key in users.keys())  # noqa: SIM118 - not a dict
            evicted = -1 if users is None else users.evicted.offset(tp.partition)
            return max((evicted, *(row.watermarks.get(tp.partition, -1) for row in rows if row is not None)))
        if tp.topic == self._topics.item_catalog:
            items = self._entries.partitions.get(tp.partition)
            found = () if items is None else (items.get(key) for key in items.keys())  # noqa: SIM118 - not a dict
            evicted = -1 if items is None else items.evicted.offset(CATALOG_ORIGIN)
            return max((evicted, *(row.catalog_offset for row in found if row is not None)))
        return -1
