"""Rules are data: what a scenario names wins, what it does not name stays."""

from typing import Any

import orjson
import pytest

from tests.query.builders import request
from workers.errors import BadRecordError
from workers.recommend.controls import MAX_SCENARIOS, Controls, RuleBook
from workers.records.rules import Rules, decode_rules

SETTINGS = Controls(diversity=0.5, explore=0.25)


def decoded(key: str = "home", **body: Any) -> Rules:
    _, rules = decode_rules(orjson.dumps(body), key.encode())
    assert rules is not None
    return rules


def book(**scenarios: dict[str, Any]) -> RuleBook:
    made = RuleBook(SETTINGS)
    for name, body in scenarios.items():
        made.put(name, decoded(name, **body))
    return made


def test_without_rules_the_settings_hold() -> None:
    assert book().of(request(scenario="home")) == SETTINGS


def test_a_scenario_without_rules_is_answered_like_the_default() -> None:
    rules = book(default={"explore": 0.1})
    assert rules.of(request(scenario="unheard-of")).explore == rules.of(request()).explore == 0.1


def test_what_a_scenario_does_not_name_is_the_default_s() -> None:
    rules = book(default={"caps": {"*": 2}, "explore": 0.1}, home={"explore": 0.0})
    assert (rules.of(request(scenario="home")).caps, rules.of(request(scenario="home")).explore) == ({"*": 2}, 0.0)


def test_an_empty_list_takes_away_what_the_default_has() -> None:
    rules = book(default={"blocks": [{"item_ids": "x"}]}, home={"blocks": []})
    assert rules.of(request(scenario="home")).blocks == ()


def test_a_request_s_own_diversity_wins() -> None:
    assert book(home={"diversity": 0.2}).of(request(scenario="home", diversity=0.9)).diversity == 0.9


def test_rules_taken_away_leave_no_trace() -> None:
    rules = book(home={"explore": 1.0})
    rules.put("home", None)
    assert rules.of(request(scenario="home")) == SETTINGS


def test_one_scenario_too_many_is_refused_and_those_there_can_still_change() -> None:
    rules = RuleBook(SETTINGS)
    for number in range(MAX_SCENARIOS):
        rules.put(f"s{number}", Rules())
    with pytest.raises(BadRecordError, match="take others' away"):
        rules.put("more", Rules())
    rules.put("s0", decoded(explore=1.0))
    assert rules.of(request(scenario="s0")).explore == 1.0


IN_FILMS = {"category": "film"}
BAD = [
    ({"colour": "red"}, "unknown_field", "colour"),
    ({"diversity": 2}, "out_of_range", "diversity"),
    ({"explore": True}, "wrong_type", "explore"),
    ({"filters": {"colour": "red"}}, "unknown_field", "filters.colour"),
    ({"caps": {"film": 0}}, "out_of_range", "caps.film"),
    ({"boosts": [{"name": "sale", "where": IN_FILMS}]}, "missing_field", "boosts.0"),
    ({"boosts": [{"name": "sale", "where": IN_FILMS, "factor": 2, "add": 1}]}, "missing_field", "boosts.0"),
    ({"boosts": [{"name": "sale", "where": {}, "factor": 2}]}, "missing_field", "boosts.0.where"),
    ({"boosts": [{"name": "sale", "where": {"available": True}, "factor": 2}]}, "unknown_field", "boosts.0.where"),
    ({"boosts": [{"name": "sale", "where": IN_FILMS, "factor": 0}]}, "out_of_range", "boosts.0.factor"),
    ({"boosts": [{"name": "sale", "where": IN_FILMS, "factor": 2}] * 2}, "out_of_range", "two boosts"),
    ({"blocks": [{}]}, "missing_field", "blocks.0"),
    ({"blocks": [{"item_ids": "x", "where": IN_FILMS}]}, "missing_field", "blocks.0"),
    ({"pins": [{"rank": 1, "item_ids": "x"}, {"rank": 1, "item_ids": "y"}]}, "out_of_range", "two pins"),
    ({"pins": [{"rank": 0, "item_ids": "x"}]}, "out_of_range", "pins.0.rank"),
]


@pytest.mark.parametrize(("body", "code", "names"), BAD)
def test_bad_rules_are_refused_with_the_scenario_and_the_field(body: dict[str, Any], code: str, names: str) -> None:
    with pytest.raises(BadRecordError) as refused:
        decoded(**body)
    assert refused.value.code == code
    assert "'home'" in str(refused.value) and names in str(refused.value)


@pytest.mark.parametrize(("value", "key", "code"), [(b"{", b"home", "invalid_json"), (b"[]", b"home", "wrong_type")])
def test_what_is_no_object_is_refused(value: bytes, key: bytes, code: str) -> None:
    with pytest.raises(BadRecordError) as refused:
        decode_rules(value, key)
    assert refused.value.code == code


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"a\nb"])
def test_rules_without_the_name_of_a_scenario_are_refused(key: bytes | None) -> None:
    with pytest.raises(BadRecordError):
        decode_rules(b"{}", key)


def test_null_takes_rules_away() -> None:
    assert decode_rules(None, b"home") == ("home", None)
