"""What the topic of experiments says, in its order: the last good definition counts, until it is ended."""

from typing import Any

import orjson
import pytest

from tests.experiments.builders import definition, experiment, record
from workers.control.definitions import Definitions
from workers.errors import BadRecordError
from workers.records.experiment import decode_experiment


def one(name: str = "a", **fields: Any) -> dict[str, Any]:
    return {"name": name, **fields}


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b"{", "invalid_json", "JSON"),
        ({"name": "trial"}, "missing_field", "variants"),
        (definition(variants=[]), "out_of_range", "variants"),
        (definition(variants=[one(f"v{n}") for n in range(9)]), "too_large", "variants"),
        (definition("trial", one(), one()), "out_of_range", "two variants have one name"),
        (definition("trial", one(shadow=True)), "out_of_range", "the control"),
        (definition("trial", one(weight=0)), "out_of_range", "weight"),
        (definition("trial", one(weight=True)), "wrong_type", "weight"),
        (definition("trial", one(weight=1), one("b", weight=1, shadow=True)), "out_of_range", "shadow"),
        (definition("trial", one(settings={"diversty": 0.3})), "unknown_field", "diversty"),
        (definition("trial", one(settings={"diversity": 1.5})), "out_of_range", "diversity"),
        (definition("trial", one(settings={"ranker": "best"})), "wrong_type", "ranker"),
        (definition("trial", one(settings={"width": 5})), "out_of_range", "width"),
        (definition(extra=1), "unknown_field", "extra"),
        (definition(kinds=["for_all"]), "wrong_type", "kinds"),
        (definition("Trial"), "wrong_type", "name"),
        (definition("trial", one("a,b")), "wrong_type", "name"),
        (definition("other"), "invalid_id", "key"),
    ],
)
def test_a_bad_definition_says_what_is_wrong_and_the_last_good_one_stays(
    body: dict[str, Any] | bytes, code: str, says: str
) -> None:
    definitions = Definitions()
    definitions.apply(record(definition()))
    with pytest.raises(BadRecordError, match=says) as refused:
        definitions.apply(record(body))
    assert refused.value.code == code
    assert definitions.current == {"trial": experiment()}


def test_a_null_value_ends_an_experiment_and_a_later_definition_begins_it_again() -> None:
    definitions = Definitions()
    definitions.apply(record(definition()))
    definitions.apply(record(None))
    assert not definitions.current and definitions.ended == {"trial": experiment()}
    definitions.apply(record(None, b"never-there"))
    definitions.apply(record(definition()))
    assert definitions.current == {"trial": experiment()} and not definitions.ended
    with pytest.raises(BadRecordError, match="set the key"):
        definitions.apply(record(None, None))


def test_the_one_longest_unchanged_comes_first() -> None:
    definitions = Definitions()
    for name in ("a", "b", "c", "a"):
        definitions.apply(record(definition(name), name.encode()))
    assert list(definitions.current) == ["b", "c", "a"]


def test_null_is_the_same_as_left_out() -> None:
    body = definition("trial", one(weight=None, settings=None), one("b", settings={"ranker": None}), kinds=None)
    found = decode_experiment(orjson.dumps(body), b"trial")
    assert found.weights == (1.0, 1.0) and not found.changed and not found.kinds
