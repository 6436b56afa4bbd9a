"""Settings come from the environment, within bounds, and document themselves."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from models.events import EVENT_WEIGHTS
from workers.errors import ConfigurationError
from workers.settings import Settings, load_settings, settings_table


def test_the_environment_sets_what_it_names_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTESTREAM_USER_PARTITIONS", "16")
    monkeypatch.setenv("TASTESTREAM_DATA_PATH", "/srv/tastestream")
    settings = load_settings()
    assert (settings.user_partitions, settings.item_partitions) == (16, 8)
    assert settings.data_path == Path("/srv/tastestream")


def test_an_override_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTESTREAM_WEB_PORT", "1")
    assert load_settings(web_port=2).web_port == 2


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TASTESTREAM_USER_PARTITIONS", "65"),
        ("TASTESTREAM_INDEX_KIND", "elsewhere"),
        ("TASTESTREAM_TOPIC_PREFIX", "a/b"),
        ("TASTESTREAM_COMMIT_INTERVAL_S", "0"),
        ("TASTESTREAM_WEB_PORT", "http"),
        ("TASTESTREAM_DIVERSITY", "2"),
        ("TASTESTREAM_EVENT_WEIGHTS", '{"teleport": 1}'),
        ("TASTESTREAM_EVENT_WEIGHTS", '{"view": 1e9}'),
        ("TASTESTREAM_EVENT_WEIGHTS", '{"view": "NaN"}'),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable):
        load_settings()


def test_weights_of_events_that_are_not_named_keep_their_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTESTREAM_EVENT_WEIGHTS", '{"click": 1.5}')
    assert load_settings().event_weights == {**EVENT_WEIGHTS, "click": 1.5}


def test_a_misspelled_override_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="TASTESTREAM_WEBPORT"):
        load_settings(webport=1)


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(ValidationError):
        load_settings().web_port = 1


def test_the_table_documents_every_setting_on_a_line_of_its_own() -> None:
    lines = settings_table().splitlines()
    assert len(lines) == len(Settings.model_fields) + 2
    assert all(field.description for field in Settings.model_fields.values())
    assert "| `TASTESTREAM_WEB_PORT` | `6066` |" in settings_table()
    assert "| `TASTESTREAM_TOPIC_PREFIX` | empty |" in settings_table()
