"""A topic that was deleted and created again is noticed by what rows know of it, dropped ones too."""

import pytest
from aiokafka import TopicPartition

from models.state import user_state
from models.state.user_state import UserState
from workers.errors import ConfigurationError
from workers.items import rows
from workers.items.rows import ItemRow
from workers.runtime.log_check import LogCheck
from workers.stream.table import Table
from workers.topics import Topics


def tables() -> tuple[LogCheck, Table[UserState], Table[ItemRow]]:
    users = Table("users", _user, lambda key: UserState(), kind=user_state.KIND, version=user_state.VERSION)
    items = Table("items", _entry, lambda key: ItemRow(), kind=rows.KIND, version=rows.VERSION)
    users.partitions, items.partitions = {0: users.blank_partition()}, {0: items.blank_partition()}
    return LogCheck(Topics(""), users, items), users, items


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
    row.describe(b"{}", 7)
    if dropped:
        items.partitions[0].drop("i")
    check.check({TopicPartition("item-catalog", 0): 8})
    with pytest.raises(ConfigurationError, match=r"ends at offset 7, but state holds its record 7"):
        check.check({TopicPartition("item-catalog", 0): 7})


def _user(key: str, packed: bytes) -> UserState:
    return UserState.unpack(packed)


def _entry(key: str, packed: bytes) -> ItemRow:
    return ItemRow.unpack(packed)
