"""Items are found by their words, by their beginnings, and by their id; rare words say more."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.ids import sparse_index
from models.primitives.sparse import SparseVector
from models.primitives.text import ItemText
from models.primitives.titles import NAMES_BOUND, TITLE_WORDS_BOUND, Match, match, wanted
from models.primitives.words import PARTS_BOUND, WORDS_BOUND, SearchedText, WordRarity, word_query, word_row

CATALOG: Mapping[str, ItemText] = {
    "heat": ItemText("Heat", "A thief and a policeman in Los Angeles.", "film", ("Crime",)),
    "amelie": ItemText("Le Fabuleux Destin d'Amélie Poulain", "", "film", ("Romance",)),
    "godfather": ItemText("The Godfather", "", "film", ("Crime", "Drama")),
    "godfather-2": ItemText("The Godfather: Part II", "", "film", ("Crime", "Drama")),
    "sku-4711": ItemText("Kettle", "Boils water; the heat is on.", "kitchen", ()),
}
ROWS = {item_id: word_row(item_id, text) for item_id, text in CATALOG.items()}


def rarity() -> WordRarity:
    counted = WordRarity()
    for row in ROWS.values():
        counted.learn_one(row.indices)
    return counted


def found(text: str) -> list[str]:
    query = word_query(text, rarity().idf_of)
    scores = {item_id: row.dot(query) for item_id, row in ROWS.items()}
    return sorted((item_id for item_id in scores if scores[item_id] > 0.0), key=lambda item_id: -scores[item_id])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("godfather", "godfather"),
        ("godfath", "godfather"),
        ("gofdather part", "godfather-2"),
        ("AMELIE", "amelie"),
        ("amélie poulain", "amelie"),
        ("heat", "heat"),
        ("policeman angeles", "heat"),
        ("kitchen", "sku-4711"),
        ("sku-4711", "sku-4711"),
        ("drama crime", "godfather"),
    ],
)
def test_words_letters_and_ids_find_their_item_first(text: str, expected: str) -> None:
    assert found(text)[0] == expected


@pytest.mark.parametrize("text", ["千尋", "神隠し", "千と千尋の神隠し", "千"])
def test_text_without_spaces_is_found_by_any_piece_of_it(text: str) -> None:
    titles = {"spirited": "千と千尋の神隠し", "red": "紅の豚", "heat": "Heat"}
    query = word_query(text, lambda _: 1.0)
    rows = {item_id: word_row(item_id, ItemText(title)) for item_id, title in titles.items()}
    assert [item_id for item_id, row in rows.items() if row.dot(query) > 0.0] == ["spirited"]


def test_description_without_spaces_is_found_by_two_signs_of_it() -> None:
    row = word_row("i", ItemText("Heat", "洛杉矶的警察追捕一名窃贼。"))
    assert row.dot(word_query("警察", lambda _: 1.0)) > 0.0
    assert row.dot(word_query("医生", lambda _: 1.0)) == 0.0


TITLES = ("Big", "Big Fish", "Big, The", "Bigger", "The Big Sleep", "Fish", "Fish (Big)", "Sleep: A Big Story", "")


@given(st.sampled_from(["Big", "big fish", "the big", "BIG: the sleep", "fish", "big-fish", "Ä"]))
def test_titles_that_match_come_before_all_others_and_what_is_left_is_what_words_anywhere_say(text: str) -> None:
    asked, anywhere = SearchedText(text, lambda _: 1.0), word_query(text, lambda _: 1.0)
    rows = {title: word_row("i", ItemText(title, description="big fish")) for title in TITLES}
    scores = {title: row.dot(asked.vector) for title, row in rows.items()}
    apart = {title: asked.apart(score, title) for title, score in scores.items()}
    assert {title: found[0] for title, found in apart.items()} == {t: match(wanted(text), t) for t in TITLES}
    for title, row in rows.items():
        assert apart[title][1] == pytest.approx(row.dot(anywhere), abs=1e-4)
    named = [score for title, score in scores.items() if apart[title][0] >= Match.NAME]
    others = [score for title, score in scores.items() if apart[title][0] < Match.NAME]
    assert min(named, default=9e9) > max(others)


def test_title_says_more_than_description() -> None:
    assert found("heat") == ["heat", "sku-4711"]


def test_rare_word_says_more_than_a_common_one() -> None:
    assert found("film kettle")[0] == "sku-4711"


def test_nothing_is_found_by_blanks_and_signs() -> None:
    assert found("") == found(" ?! ") == []


def test_row_of_counts_finds_the_items_that_it_counts() -> None:
    row = SparseVector.of({sparse_index("heat"): 3.0, sparse_index("amelie"): 1.0})
    scores = {item_id: words.dot(row) for item_id, words in ROWS.items()}
    assert {item_id: score for item_id, score in scores.items() if score} == {"heat": 3.0, "amelie": 1.0}


@given(st.text(max_size=200), st.text(max_size=200), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_makes_a_finite_row(title: str, description: str, tags: list[str]) -> None:
    row = word_row("i", ItemText(title, description, "", tuple(tags)))
    assert (row.indices[1:] > row.indices[:-1]).all()
    assert ((row.values > 0.0) & (row.values <= 1.0)).all()
    word_query(title, rarity().idf_of)


def test_row_is_bounded_whatever_the_text() -> None:
    long = " ".join(f"word{n}" for n in range(9_000))
    row = word_row("i", ItemText(long, long, "", ("x" * 60_000,)))
    assert len(row) <= WORDS_BOUND + PARTS_BOUND + TITLE_WORDS_BOUND + NAMES_BOUND + 1
    assert len(word_query(long, lambda _: 1.0)) <= 32 + PARTS_BOUND + 1
    assert len(SearchedText(long, lambda _: 1.0).vector) <= 32 + PARTS_BOUND + 1 + TITLE_WORDS_BOUND + 2


@given(st.lists(st.sampled_from(sorted(CATALOG)), max_size=8), st.sampled_from(sorted(CATALOG)))
def test_an_item_taken_out_of_the_counts_leaves_no_trace(kept: list[str], gone: str) -> None:
    counted, expected = WordRarity(), WordRarity()
    counted.learn_one(ROWS[gone].indices)
    for item_id in kept:
        counted.learn_one(ROWS[item_id].indices)
        expected.learn_one(ROWS[item_id].indices)
    counted.revert_one(ROWS[gone].indices)
    indices = np.concatenate([row.indices for row in ROWS.values()])
    assert [counted.idf_of(i) for i in indices.tolist()] == [expected.idf_of(i) for i in indices.tolist()]
