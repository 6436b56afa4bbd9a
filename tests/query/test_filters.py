"""What may not be shown is removed with its reason; what the index can leave out is told to it."""

from models.fusion import Situation
from models.user_state import UserState
from tests.models.builders import event
from tests.query.builders import request
from workers.index.filters import ExcludeIds, matches
from workers.query.filters import conditions, keep
from workers.query.question import Question


def question(*seen: str, **body: object) -> Question:
    user = UserState()
    for offset, item_id in enumerate(seen):
        user.fold(event(item_id, offset))
    return Question(request(**body), Situation(), user)


def test_removed_items_are_counted_by_reason_and_the_others_keep_their_order() -> None:
    kept, removed = keep(["d", "a", "c", "b"], question("a", exclude=["b"]))
    assert kept == ["d", "c"]
    assert removed == {"seen": 1, "excluded": 1}


def test_what_the_history_has_forgotten_is_still_seen() -> None:
    many = [f"i{n}" for n in range(300)]
    kept, removed = keep([*many, "new"], question(*many))
    assert (kept, removed) == (["new"], {"seen": 300})


def test_the_index_is_told_what_was_seen_and_excluded_as_far_as_it_can_hold() -> None:
    [excluded] = [c for c in conditions(question("a", exclude=["b"])) if isinstance(c, ExcludeIds)]
    assert excluded.item_ids == {"a", "b"}
    [full] = [
        c for c in conditions(question("a", exclude=[f"x{n}" for n in range(10_000)])) if isinstance(c, ExcludeIds)
    ]
    assert len(full.item_ids) == 10_000


def test_ids_that_no_item_can_have_are_not_sent_to_the_index() -> None:
    assert not [c for c in conditions(question(exclude=["", "x" * 513])) if isinstance(c, ExcludeIds)]


def test_filters_mean_what_they_say() -> None:
    wanted = conditions(question(filters={"category": ["c", "d"], "price": {"min": 2, "max": 5}, "tags": ["t"]}))
    good = {"available": 1, "category": "d", "price": 5, "tags": ["s", "t"]}

    def passes(**changed: object) -> bool:
        return all(matches(condition, "i", {**good, **changed}) for condition in wanted)

    assert passes()
    assert not passes(available=0)
    assert not passes(category="e")
    assert not passes(price=5.1) and not passes(price=1)
    assert not passes(tags=["s"])
