"""Items that are described alike lie near each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.primitives.text import TEXT_DIM, ItemText, Rarity, embed_item

texts = st.builds(ItemText, title=st.text(max_size=30), tags=st.lists(st.text(max_size=8), max_size=4).map(tuple))


@given(texts)
def test_vector_is_finite_and_of_unit_length_or_zero(item: ItemText) -> None:
    vector = embed_item(item)
    assert vector.shape == (TEXT_DIM,)
    assert float(np.linalg.norm(vector)) in (0.0, pytest.approx(1.0, abs=1e-5))


def test_case_of_letters_and_order_of_tags_say_nothing() -> None:
    one = embed_item(ItemText("Heat", tags=("Crime", "Drama")))
    other = embed_item(ItemText("HEAT", tags=("drama", "crime")))
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize(
    "shared",
    [
        ItemText(title="heat"),
        ItemText(description="heat"),
        ItemText(category="heat"),
        ItemText(tags=("heat",)),
        ItemText(attributes={"director": "mann"}),
    ],
)
def test_every_field_makes_items_alike(shared: ItemText) -> None:
    assert embed_item(shared) @ embed_item(shared) == pytest.approx(1.0)
    assert abs(float(embed_item(shared) @ embed_item(ItemText(title="laura")))) < 0.5


def test_item_without_description_has_no_direction() -> None:
    assert not embed_item(ItemText()).any()


def test_rare_word_finds_its_item_before_a_common_one() -> None:
    rarity = Rarity()
    common = embed_item(ItemText(title="story"))
    rare = embed_item(ItemText(title="zeppelin"))
    for _ in range(20):
        rarity.learn_one(common)
    rarity.learn_one(rare)
    query = rarity.turn(embed_item(ItemText(title="zeppelin story")))
    assert query @ rare > query @ common


@given(st.lists(texts, max_size=6), texts)
def test_revert_takes_an_item_out_of_the_counts(items: list[ItemText], wrong: ItemText) -> None:
    query = np.ones(TEXT_DIM, dtype=np.float32)
    once, corrected = Rarity(), Rarity()
    corrected.learn_one(embed_item(wrong))
    for item in items:
        once.learn_one(embed_item(item))
        corrected.learn_one(embed_item(item))
    corrected.revert_one(embed_item(wrong))
    np.testing.assert_array_equal(once.turn(query), corrected.turn(query))
