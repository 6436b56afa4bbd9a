"""Settings come from the environment, within bounds, and document themselves."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from models.state.events import EVENT_WEIGHTS
from workers.errors import ConfigurationError
from workers.messages.misspelt import misspelt
from workers.settings import PREFIX, Settings, load_settings, settings_table


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
        ("TASTESTREAM_QDRANT_TIMEOUT_MS", "49"),
        ("TASTESTREAM_QDRANT_TIMEOUT_MS", "5001"),
        ("TASTESTREAM_QDRANT_COLLECTION", "a/b"),
        ("TASTESTREAM_EVENT_WEIGHTS", '{"teleport": 1}'),
        ("TASTESTREAM_EVENT_WEIGHTS", '{"view": 1e9}'),
        ("TASTESTREAM_EVENT_WEIGHTS", '{"view": "NaN"}'),
        ("TASTESTREAM_EVENT_WEIGHTS", '{"view"'),
        ("TASTESTREAM_BOOTSTRAP_SERVERS", "kafka:port"),
        ("TASTESTREAM_BOOTSTRAP_SERVERS", "kafka:99999"),
        ("TASTESTREAM_BOOTSTRAP_SERVERS", "kafka:9092,"),
        ("TASTESTREAM_BOOTSTRAP_SERVERS", "kafka://kafka:9092"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable):
        load_settings()


def test_weights_of_events_that_are_not_named_keep_their_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTESTREAM_EVENT_WEIGHTS", '{"click": 1.5}')
    assert load_settings().event_weights == {**EVENT_WEIGHTS, "click": 1.5}


@pytest.mark.parametrize("servers", ["kafka", "a:1,b:2, c:3", "[::1]:9092", "10.0.0.1:65535"])
def test_addresses_of_brokers_have_many_forms(monkeypatch: pytest.MonkeyPatch, servers: str) -> None:
    monkeypatch.setenv("TASTESTREAM_BOOTSTRAP_SERVERS", servers)
    assert load_settings().bootstrap_servers == servers


def test_a_misspelled_variable_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTESTREAM_DATAPATH", "/srv")
    monkeypatch.setenv("TASTESTREAM_COLOUR", "blue")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert "TASTESTREAM_DATAPATH is no setting: do you mean TASTESTREAM_DATA_PATH?" in str(refused.value)
    assert "TASTESTREAM_COLOUR is no setting: remove it" in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TASTESTREAM_CACHE", "/var/cache"),
        ("tastestream_web_port", "6066"),
        ("TASTESTREAM_SERVICE_HOST", "10.0.0.1"),
        ("TASTESTREAM_SERVICE_PORT_HTTP", "6066"),
        ("TASTESTREAM_PORT", "tcp://10.0.0.1:6066"),
        ("TASTESTREAM_PORT_6066_TCP_ADDR", "10.0.0.1"),
        ("TASTESTREAM_KAFKA_PORT_9092_TCP", "tcp://10.0.0.1:9092"),
    ],
)
def test_variables_of_other_tools_and_of_kubernetes_are_none_of_ours(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    load_settings()


def test_every_variable_that_the_project_names_is_known() -> None:
    root = Path(__file__).resolve().parents[2]
    files = [root / "docker-compose.yml", root / "Makefile", root / "README.md", root / "infra" / "Dockerfile"]
    files += [*(root / "docs").glob("*.md"), *(root / "load").rglob("*.py"), *(root / "infra").rglob("*.py")]
    named = {name for file in files for name in re.findall(r"\bTASTESTREAM_[A-Z_]*[A-Z]\b", file.read_text())}
    assert len(named) > 20
    assert not list(
        misspelt(dict.fromkeys(named, ""), PREFIX, {f"{PREFIX}{name.upper()}" for name in Settings.model_fields})
    )


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


def test_the_api_key_shows_nowhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TASTESTREAM_QDRANT_API_KEY", "s3cret")
    settings = load_settings()
    print(settings, repr(settings), settings.model_dump(), settings.model_dump_json(), settings_table())
    assert "s3cret" not in capsys.readouterr().out
    monkeypatch.setenv("TASTESTREAM_WEB_PORT", "none")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert "s3cret" not in str(refused.value)
