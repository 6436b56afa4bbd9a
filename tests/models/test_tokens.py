"""What a reader takes for the same word is the same word, in every script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.tokens import fold, is_unspaced, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Amélie", "AMELIE"),
        ("Łódź", "lodz"),
        ("Smørrebrød", "smorrebrod"),
        ("Æon", "aeon"),
        ("Straße", "STRASSE"),
        ("Alien³", "alien3"),
        ("ＡＫＩＲＡ", "akira"),
        ("ﾊﾟﾘ", "パリ"),
        ("Ελλάδα", "ελλαδα"),
    ],
)
def test_case_accents_and_width_say_nothing(one: str, other: str) -> None:
    assert words(one) == words(other)


@pytest.mark.parametrize(("one", "other"), [("はし", "ばし"), ("사랑", "사람"), ("ไม้", "ไม่")])
def test_marks_that_make_another_letter_stay(one: str, other: str) -> None:
    assert words(one) != words(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("霸王别姬", ["霸王", "王别", "别姬"]),
        ("となりのトトロ", ["とな", "なり", "りの", "のト", "トト", "トロ"]),
        ("살인의 추억", ["살인", "인의", "추억"]),
        ("แม่นาค", ["แม", "ม่", "่น", "นา", "าค"]),
        ("हिन्दी फ़िल्म।", ["हिन्दी", fold("फ़िल्म")]),
        ("攻殻機動隊2.0 Ghost", ["攻殻", "殻機", "機動", "動隊", "2", "0", "ghost"]),
    ],
)
def test_scripts_without_spaces_are_cut_in_twos_and_others_at_spaces(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(max_size=60))
def test_what_is_searched_for_is_among_what_is_searched(text: str) -> None:
    assert set(words(text)) <= set(words(text, singles=True))
    assert all(len(word) <= 2 for word in words(text) if is_unspaced(word))


@given(st.text(max_size=60))
def test_folding_a_folded_text_changes_no_word(text: str) -> None:
    assert words(fold(text)) == words(text)
