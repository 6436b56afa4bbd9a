"""Rows as `tastestream state show` prints them: titles, what events were, numbers with their nouns."""

import pytest

from models.primitives.ids import sparse_index
from models.state.history import BOUGHT, HistoryEntry
from models.state.user_state import UserState
from tests.models.builders import evidence
from workers.admin.state.counts_row import CountsRow
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
    assert "  0 users, 0 buyers, no stars" in list(describe_item("6", ItemRow(), CountsRow.alone(), {}))


def test_an_item_is_shown_with_its_title_and_what_came_before_it() -> None:
    entry, counts = ItemRow(), CountsRow.alone()
    entry.describe(b'{"title":"Heat","category":"Crime"}', offset=4)
    counts.use.apply(evidence(7, ["near", "far"], bought_with=["far"]))
    names = {sparse_index("near"): "Ronin [near]", sparse_index("far"): "Jaws [far]"}
    lines = list(describe_item("6", entry, counts, names))
    assert lines[:3] == ["item 6: Heat", "  categories: Crime", "  1 user, 1 buyer, no stars"]
    assert lines[-3:] == [
        "  comes after 2 items: Ronin [near] 1, Jaws [far] 0.5",
        *(f"  {words} {said}" for words, said in _liked(names)),
    ]
    assert lines[-4] == "  applied up to: catalog offset 4; partition 0 offset 7"


def _liked(names: dict[int, str]) -> list[tuple[str, str]]:
    both = ", ".join(f"{names[index]} 1" for index in sorted(names))
    return [("liked by those who had", f"2 items: {both}"), ("bought together with", "1 item: Jaws [far] 1")]
