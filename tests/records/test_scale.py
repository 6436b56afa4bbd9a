"""Ratings on any scale become stars; what lies outside it is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.builders import NOW_MS, interaction
from workers.errors import BadRecordError, ConfigurationError
from workers.records.interaction import Interaction, decode_interaction
from workers.records.mapping import Mapping, Mappings, load_mapping, save_mapping
from workers.records.scale import LEAST_STARS, MOST_STARS, STARS, RatingScale, rating_scale
from workers.runtime.source_mapping import mappings_of
from workers.settings import load_settings


def rated(value: object, scale: RatingScale = STARS, **fields: object) -> Interaction:
    body = interaction(**{"event_type": "rating", "value": value, **fields})
    return decode_interaction(body, None, NOW_MS, mapping=Mapping(scale=scale))


def refusal(value: object, scale: RatingScale = STARS) -> BadRecordError:
    with pytest.raises(BadRecordError) as refused:
        rated(value, scale)
    return refused.value


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("0.5-5", {0.5: 0.5, 1: 1, 3.5: 3.5, 5: 5}),
        ("1-5", {1: 1, 3: 3, 5: 5}),
        ("1-10", {1: 0.5, 2: 1, 7: 3.5, 10: 5}),
        ("0..10", {0: 0.5, 10: 5}),
        ("percent", {0: 0.5, 50: 2.75, 100: 5}),
        ("-1..1", {-1: 1, 0: 3, 0.5: 4, 1: 5}),
        ("0/1", {0: 0.5, 1: 5}),
        ("−10 to 10", {-10: 1, 0: 3, 10: 5}),
    ],
)
def test_a_rating_inside_the_scale_becomes_stars(text: str, stars: dict[float, float]) -> None:
    scale = rating_scale(text)
    assert {value: rated(value, scale).value for value in stars} == stars


@pytest.mark.parametrize("value", [1000, 5.01, 0.49, 0, -1])
def test_a_rating_outside_the_scale_is_refused_with_value_scale_and_setting(value: float) -> None:
    error = refusal(value)
    assert error.code == "out_of_range"
    for part in (f"{value:g}", "0.5 to 5", "TASTESTREAM_RATING_SCALE", "item_id='i1'"):
        assert part in str(error)


def test_thumbs_may_be_words_and_truth_values() -> None:
    thumbs = rating_scale("thumbs")
    for up in (1, True, "up", " Like ", "1"):
        assert rated(up, thumbs).value == 5
    for down in (-1, False, "down", "DISLIKE"):
        assert rated(down, thumbs).value == 1
    assert refusal("meh", thumbs).code == "wrong_type"
    assert refusal("like").code == "wrong_type"


def test_other_events_keep_their_value() -> None:
    scale = rating_scale("1-10")
    assert rated(0.5, scale, event_type="watch").value == 0.5
    assert rated(5_000_000, scale, event_type="purchase").value == 5_000_000
    assert rated(1000, scale, event_type="view").value == 1000


@pytest.mark.parametrize(
    ("event_type", "value"), [("watch", 1000), ("watch", -0.1), ("purchase", 1e13), ("view", -1e13)]
)
def test_the_value_of_other_events_is_bounded(event_type: str, value: float) -> None:
    with pytest.raises(BadRecordError) as refused:
        rated(value, event_type=event_type)
    assert refused.value.code == "out_of_range"


def test_recombees_ratings_have_their_own_scale_whatever_ours_is() -> None:
    body = {"path": "/ratings/", "params": {"userId": "u1", "itemId": "a", "rating": 0.5}}
    given = {"event_type": ..., "user_id": ..., "item_id": ..., "event_time": ..., **body}
    ten = Mapping(scale=rating_scale("1-10"))
    assert decode_interaction(interaction(**given), None, NOW_MS, mapping=ten).value == 4
    body["params"]["rating"] = 7  # type: ignore[index]
    with pytest.raises(BadRecordError, match="7 is outside -1 to 1, the scale of Recombee's API"):
        decode_interaction(interaction(**given), None, NOW_MS, mapping=ten)


ENDS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda end: round(end, 3))


@given(low=ENDS, high=ENDS, share=st.floats(0, 1), more=st.floats(0, 1))
def test_every_scale_ends_within_the_stars_and_keeps_the_order(
    low: float, high: float, share: float, more: float
) -> None:
    if low >= high:
        return
    scale = rating_scale(f"{low}..{high}") if "e" not in f"{low}{high}" else RatingScale(low, high)
    lower, upper = sorted(min(low + (high - low) * part, high) for part in (share, more))
    stars = scale.stars(lower), scale.stars(upper)
    assert LEAST_STARS - 1e-9 <= stars[0] <= stars[1] <= MOST_STARS + 1e-9
    assert scale.rating(stars[0]) == pytest.approx(lower, abs=1e-6 * (high - low))
    assert scale.stars(high) == MOST_STARS


@pytest.mark.parametrize("text", ["", "5", "5-1", "3-3", "one to ten", "0-1e9", "1-99999999", "nan-5", "1-5-10", "-"])
def test_a_scale_that_is_none_is_refused_by_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTESTREAM_RATING_SCALE", text)
    with pytest.raises(ConfigurationError, match=r"TASTESTREAM_RATING_SCALE.*is no scale"):
        load_settings()


def test_the_scale_of_the_mapping_file_wins_over_the_setting_and_stays_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text('{"interaction": {"rating_scale": "percent"}}')
    found = mappings_of(load_settings(rating_scale="1-10", mapping_file=file)).interaction.scale
    assert (found.low, found.high) == (0, 100)
    assert "rating_scale in the mapping file" in str(refusal(101, found))
    save_mapping(file, load_mapping(file))
    assert load_mapping(file).interaction.scale == rating_scale("percent")
    save_mapping(file, Mappings())
    assert str(mappings_of(load_settings(rating_scale="1-10", mapping_file=file)).interaction.scale) == "1 to 10"


@pytest.mark.parametrize("text", ["thumbs", "0.5..5", "-1..1", "0..100", "0.25..7.125", "-1000000..1000000"])
def test_a_scale_reads_back_as_it_is_written(text: str) -> None:
    assert rating_scale(text).text == text


def test_a_file_with_a_scale_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text('{"interaction": {"rating_scale": "ten"}}')
    with pytest.raises(ConfigurationError, match=r"m\.json, interaction: 'ten' is no scale"):
        load_mapping(tmp_path / "m.json")
