"""A text that is a title is that title, however it is written; what only has its words comes behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.titles import NAMES_BOUND, TITLE_WORDS_BOUND, Match, match, names, title_words, wanted


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("big", "Big", Match.TITLE),
        ("Big", "Big (1988)", Match.TITLE),
        ("Big (1988)", "Big", Match.TITLE),
        ("Cinderella (2015)", "Cinderella (2015)", Match.TITLE),
        ("Cinderella (2015)", "Cinderella (1950)", Match.NAME),
        ("Death Note", "Death Note (2006–2007)", Match.TITLE),
        ("The Matrix", "Matrix, The (1999)", Match.TITLE),
        ("matrix, the", "The Matrix", Match.TITLE),
        ("Matrix", "Matrix, The", Match.NAME),
        ("The Heat", "Heat", Match.NAME),
        ("L'avventura", "Avventura, L'", Match.TITLE),
        ("spiderman", "Spider-Man", Match.TITLE),
        ("Schindlers List", "Schindler's List", Match.TITLE),
        ("airplane", "Airplane!", Match.TITLE),
        ("In and Out", "In & Out", Match.TITLE),
        ("amelie", "Amélie", Match.TITLE),
        ("Seven", "Seven (a.k.a. Se7en)", Match.NAME),
        ("se7en", "Seven (a.k.a. Se7en) (1995)", Match.NAME),
        ("Adventure, The", "Avventura, L' (Adventure, The) (1960)", Match.NAME),
        ("千と千尋の神隠し", "千と千尋の神隠し", Match.TITLE),
        ("千尋", "千と千尋の神隠し", Match.WORDS),
        ("story", "Toy Story", Match.WORDS),
        ("list schindlers", "Schindler's List", Match.WORDS),
        ("toy stories", "Toy Story", Match.NONE),
        ("big", "Bigger", Match.NONE),
        ("2012", "2012 (2009)", Match.TITLE),
        ("(2012)", "2012", Match.TITLE),
        ("big", "", Match.NONE),
        ("!!!", "???", Match.NONE),
        ("the", "The, The", Match.NAME),
    ],
)
def test_text_matches_a_title_as_far_as_it_says_the_same(text: str, title: str, expected: Match) -> None:
    assert match(wanted(text), title) == expected


@given(st.text(min_size=1, max_size=80).filter(lambda text: any(map(str.isalnum, text))))
def test_every_title_with_a_letter_is_itself_in_either_case(title: str) -> None:
    expected = Match.TITLE if wanted(title).key else Match.NONE
    assert match(wanted(title), title) == expected


@given(st.text(max_size=400))
def test_names_and_words_of_a_title_are_bounded_and_distinct(title: str) -> None:
    called, listed = names(title), title_words(title)
    assert len(called) == len(set(called)) <= NAMES_BOUND
    assert len(listed) == len(set(listed)) <= TITLE_WORDS_BOUND


@pytest.mark.parametrize("piece", ["a", "(", "(a", " ", "a-", ",", "(1999) "])
def test_work_grows_with_the_length_of_a_title_not_with_its_square(piece: str) -> None:
    # A thousand times the length of any title: in proportion this takes a second, squared it never ends.
    long = piece * (1_000_000 // len(piece))
    assert match(wanted(long), long + "x") < Match.TITLE
