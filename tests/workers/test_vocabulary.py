"""Each item counts once, in its latest form."""

from hypothesis import given
from hypothesis import strategies as st

from models.primitives.text import ItemText
from models.primitives.words import WordRarity, word_query, word_row
from workers.indexing.vocabulary import Vocabulary


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from(["Heat", "White Heat"])), max_size=30))
def test_words_are_counted_in_their_latest_form(changes: list[tuple[str, str | None]]) -> None:
    vocabulary, latest = Vocabulary(), dict[str, str | None]()
    for item_id, title in changes:
        vocabulary.count(item_id, None if title is None else word_row(item_id, ItemText(title)))
        latest[item_id] = title
    expected = WordRarity()
    for item_id, title in latest.items():
        if title is not None:
            expected.learn_one(word_row(item_id, ItemText(title)).indices)
    asked = [word_query("white heat", rarity.idf_of) for rarity in (vocabulary.words, expected)]
    assert asked[0].values.tolist() == asked[1].values.tolist()
    assert {item_id for item_id in "abc" if item_id in vocabulary} == {i for i, title in latest.items() if title}
