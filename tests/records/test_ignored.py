"""Events that are ignored by their name leave no dead letter; those with a meaning never are."""

from pathlib import Path

import pytest

from tests.records.builders import NOW_MS, interaction
from workers.errors import BadRecordError, ConfigurationError
from workers.records.aliases import EVENT_TYPES, IGNORED_EVENTS, PERSON_TYPES
from workers.records.event import decode_event
from workers.records.ignored import BUILT_IN, ignored_events, patterns_of
from workers.records.mapping import Mapping, load_mapping, save_mapping
from workers.runtime.source_mapping import mappings_of
from workers.settings import load_settings


def code_of(name: str, mapping: Mapping) -> str:
    with pytest.raises(BadRecordError) as refused:
        decode_event(interaction(event_type=name), None, NOW_MS, mapping=mapping)
    return refused.value.code


def test_a_pattern_of_the_setting_ignores_names_that_mean_nothing() -> None:
    mapping = mappings_of(load_settings(ignored_events="heartbeat, Debug *")).interaction
    for name in ("heartbeat", "HEARTBEAT", "debug-tick", "Debug Tick", "page_view", "gtm.dom", "video_paused"):
        assert code_of(name, mapping) == "irrelevant_event"
    for name in ("heartbeats", "my_debug_tick", "teleport", "gtmx"):
        assert code_of(name, mapping) == "unknown_event_type"


def test_a_star_alone_ignores_every_unknown_name_and_no_known_one() -> None:
    mapping = Mapping(ignored=ignored_events(["*"]))
    assert code_of("teleport\nnow", mapping) == "irrelevant_event"
    event = decode_event(interaction(event_type="view"), None, NOW_MS, mapping=mapping)
    assert event.user_id == "u1"


def test_a_mapping_gives_an_ignored_name_a_meaning() -> None:
    event = decode_event(
        interaction(event_type="video_complete"), None, NOW_MS, mapping=Mapping(events={"video_complete": "watch"})
    )
    assert getattr(event, "event_type", None) == "watch"


def test_the_patterns_of_the_file_come_beside_those_of_the_setting_and_stay_in_it(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text('{"interaction": {"ignored_events": ["tick*"]}}')
    save_mapping(file, load_mapping(file))
    mapping = mappings_of(load_settings(ignored_events="heartbeat", mapping_file=file)).interaction
    assert {code_of(name, mapping) for name in ("tick_tock", "heartbeat")} == {"irrelevant_event"}


@pytest.mark.parametrize("text", ["view", "Product Viewed", "erase", "x" * 200, ",".join(f"e{n}" for n in range(300))])
def test_patterns_that_can_not_be_meant_are_refused_by_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTESTREAM_IGNORED_EVENTS", text)
    with pytest.raises(ConfigurationError, match="TASTESTREAM_IGNORED_EVENTS"):
        load_settings()


def test_no_name_is_both_ignored_and_understood() -> None:
    assert not {*IGNORED_EVENTS} & {*EVENT_TYPES, *PERSON_TYPES}
    assert patterns_of(" a , ,b*,") == ("a", "b*")
    assert ignored_events() == BUILT_IN
