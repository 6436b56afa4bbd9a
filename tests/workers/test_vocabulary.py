"""Each item counts once, in its latest form."""

from hypothesis import given
from hypothesis import strategies as st

from models.primitives.text import ItemText, Rarity
from models.primitives.words import WordRarity, word_query, word_row
from tests.models.builders import axis
from workers.indexing.vocabulary import Vocabulary

DIM = 8
FORMS = st.one_of(st.none(), st.integers(0, DIM - 1))


@given(st.lists(st.tuples(st.sampled_from("abc"), FORMS), max_size=30))
def test_after_any_changes_the_counts_are_those_of_the_latest_forms(changes: list[tuple[str, int | None]]) -> None:
    vocabulary, latest, query = Vocabulary(DIM), {}, sum(axis(position, DIM) for position in range(DIM))
    for item_id, position in changes:
        vocabulary.count(item_id, None if position is None else axis(position, DIM))
        latest[item_id] = position
    expected = Rarity(DIM)
    for position in latest.values():
        if position is not None:
            expected.learn_one(axis(position, DIM))
    assert vocabulary.rarity.turn(query).tolist() == expected.turn(query).tolist()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from(["Heat", "White Heat"])), max_size=30))
def test_words_are_counted_in_their_latest_form_too(changes: list[tuple[str, str | None]]) -> None:
    vocabulary, latest = Vocabulary(DIM), dict[str, str | None]()
    for item_id, title in changes:
        vocabulary.count_words(item_id, None if title is None else word_row(item_id, ItemText(title)))
        latest[item_id] = title
    expected = WordRarity()
    for item_id, title in latest.items():
        if title is not None:
            expected.learn_one(word_row(item_id, ItemText(title)).indices)
    asked = [word_query("white heat", rarity.idf_of) for rarity in (vocabulary.words, expected)]
    assert asked[0].values.tolist() == asked[1].values.tolist()
