"""Each item counts once, in its latest form."""

from hypothesis import given
from hypothesis import strategies as st

from models.text import Rarity
from tests.models.builders import axis
from workers.vocabulary import Vocabulary

DIM = 8
FORMS = st.one_of(st.none(), st.integers(0, DIM - 1))


@given(st.lists(st.tuples(st.sampled_from("abc"), FORMS), max_size=30))
def test_after_any_changes_the_counts_are_those_of_the_latest_forms(changes: list[tuple[str, int | None]]) -> None:
    vocabulary, latest, query = Vocabulary(DIM), {}, sum(axis(place, DIM) for place in range(DIM))
    for item_id, place in changes:
        vocabulary.count(item_id, None if place is None else axis(place, DIM))
        latest[item_id] = place
    expected = Rarity(DIM)
    for place in latest.values():
        if place is not None:
            expected.learn_one(axis(place, DIM))
    assert vocabulary.rarity.turn(query).tolist() == expected.turn(query).tolist()
