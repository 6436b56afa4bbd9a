"""A topic that was deleted and created again is noticed by what rows know of it, dropped ones too."""

import pytest
from aiokafka import TopicPartition

from models.state.user_state import UserState
from workers.admin.state.changelog import state_tables
from workers.errors import ConfigurationError
from workers.items.rows import ItemRow
from workers.runtime.log_check import LogCheck
from workers.settings import load_settings
from workers.stream.table import Table
from workers.topics import Topics


def tables() -> tuple[LogCheck, Table[UserState], Table[ItemRow]]:
    users, entries, _ = state_tables(load_settings())
    users.partitions, entries.partitions = {0: users.blank_partition()}, {0: entries.blank_partition()}
    return LogCheck(Topics(""), users, entries), users, entries


@pytest.mark.parametrize("dropped", [False, True])
def test_events_that_the_topic_has_yet_to_reach_are_noticed_also_of_users_who_went(dropped: bool) -> None:
    check, users, _ = tables()
    users.partitions[0].change("u").watermarks.advance((0, 7))
    if dropped:
        users.partitions[0].drop("u")
    check.check({TopicPartition("user-interactions", 0): 8})
    with pytest.raises(ConfigurationError, match=r"ends at offset 7, but state holds its record 7"):
        check.check({TopicPartition("user-interactions", 0): 7})


@pytest.mark.parametrize("dropped", [False, True])
def test_entries_that_the_catalog_has_yet_to_reach_are_noticed_also_of_items_that_went(dropped: bool) -> None:
    check, _, items = tables()
    row = items.partitions[0].change("i")
    row.describe(b"{}", 7, first=(0, 99))
    if dropped:
        items.partitions[0].drop("i")
    check.check({TopicPartition("item-catalog", 0): 8})
    with pytest.raises(ConfigurationError, match=r"ends at offset 7, but state holds its record 7"):
        check.check({TopicPartition("item-catalog", 0): 7})
