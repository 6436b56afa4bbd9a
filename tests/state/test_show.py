"""Rows as `tastestream state show` prints them: titles, what events were, numbers with their nouns."""

import pytest

from models.state.history import BOUGHT, HistoryEntry
from models.state.user_state import UserState
from workers.admin.state.show import describe_item, describe_user, event_words
from workers.items.rows import ItemRow
from workers.settings import load_settings

WEIGHTS = load_settings().event_weights


def user_of(*entries: HistoryEntry) -> UserState:
    user = UserState()
    for entry in entries:
        user.history.insert(entry)
    return user


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (HistoryEntry("a", 1, (0, 1), 1.0), "view, weight 1"),
        (HistoryEntry("a", 1, (0, 1), 3.0), "like or watch, weight 3"),
        (HistoryEntry("a", 1, (0, 1), 2.4), "event, weight 2.4"),
        (HistoryEntry("a", 1, (0, 1), 10.0, flags=BOUGHT), "purchase, weight 10"),
        (HistoryEntry("a", 1, (0, 1), 3.0, stars=4.5), "rating 4.5"),
    ],
)
def test_an_event_is_named_by_what_its_row_kept_of_it(entry: HistoryEntry, words: str) -> None:
    assert event_words(user_of(entry).history, 0, WEIGHTS) == words


def test_a_type_is_found_by_the_weight_that_the_settings_give_it() -> None:
    weights = load_settings(event_weights={"click": 1.7}).event_weights
    assert event_words(user_of(HistoryEntry("a", 1, (0, 1), 1.7)).history, 0, weights) == "click, weight 1.7"


def test_a_users_events_carry_titles_newest_first() -> None:
    user = user_of(HistoryEntry("6", 1_000, (0, 1), 1.0), HistoryEntry("9", 2_000, (0, 2), 2.0))
    first, *_, newest, oldest = describe_user("u", user, {"6": "Heat"}, WEIGHTS)
    assert first == "user u: 2 events kept, 0 items seen"
    assert newest == "  1970-01-01 00:00:02  click, weight 2  [9]"
    assert oldest == "  1970-01-01 00:00:01  view, weight 1   Heat [6]"


def test_one_of_a_thing_is_not_many() -> None:
    user = user_of(HistoryEntry("6", 1_000, (0, 1), 1.0))
    user.waiting.add("6", 1.0, 1_000)
    lines = list(describe_user("u", user, {}, WEIGHTS))
    assert lines[0].startswith("user u: 1 event kept")
    assert lines[1].endswith("1 item without a vector")
    assert lines[-1].endswith("view, weight 1, no vector yet  [6]")
    assert "  0 users, 0 buyers, no stars" in list(describe_item("6", ItemRow(), {}))
