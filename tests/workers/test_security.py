"""Kafka's security settings: contradictions are named, secrets are not shown."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.infra.certificates import new_authority
from workers.errors import ConfigurationError
from workers.settings import PREFIX, load_settings, plain_text, settings_table
from workers.stream.security import client_options

PASSWORD = "correct-horse-battery"
LOGIN: dict[str, Any] = {"sasl_mechanism": "PLAIN", "sasl_username": "shop", "sasl_password": PASSWORD}


def options(**settings: Any) -> dict[str, Any]:
    return client_options(load_settings(**settings))


def test_without_security_nothing_but_servers_and_names_is_given() -> None:
    assert options(bootstrap_servers="k:1") == {
        "bootstrap_servers": "k:1",
        "client_id": "tastestream",
        "security_protocol": "PLAINTEXT",
    }


def test_a_login_reaches_the_client_as_it_was_set() -> None:
    found = options(security_protocol="SASL_SSL", **LOGIN)
    assert (found["sasl_mechanism"], found["sasl_plain_username"]) == ("PLAIN", "shop")
    assert found["sasl_plain_password"] == PASSWORD
    assert found["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert found["ssl_context"].check_hostname


def test_only_the_given_authority_is_trusted(tmp_path: Path) -> None:
    context = options(security_protocol="SSL", ssl_ca_file=new_authority(tmp_path).ca_file)["ssl_context"]
    [trusted] = context.get_ca_certs()
    assert "trustme" in str(trusted["subject"])


def test_our_own_certificate_is_taken_with_its_key(tmp_path: Path) -> None:
    pem = new_authority(tmp_path).keystore(tmp_path / "own.pem")
    options(security_protocol="SSL", ssl_cert_file=pem, ssl_key_file=pem)


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"security_protocol": "SASL_SSL", **LOGIN, "sasl_password": None}, "TASTESTREAM_SASL_PASSWORD is missing"),
        ({"security_protocol": "SASL_SSL", **LOGIN, "sasl_username": None}, "TASTESTREAM_SASL_USERNAME is missing"),
        ({"security_protocol": "SASL_SSL", **LOGIN, "sasl_mechanism": None}, "TASTESTREAM_SASL_MECHANISM is missing"),
        ({"security_protocol": "SSL", **LOGIN}, "TASTESTREAM_SASL_PASSWORD is set, but useless"),
        ({"sasl_password": PASSWORD}, "TASTESTREAM_SASL_PASSWORD is set, but useless"),
        ({"ssl_ca_file": "ca.pem"}, "TASTESTREAM_SSL_CA_FILE is set, but useless"),
        ({"security_protocol": "SSL", "ssl_cert_file": "a.pem"}, "TASTESTREAM_SSL_KEY_FILE belong together"),
        ({"security_protocol": "SSL", "ssl_ca_file": "nowhere.pem"}, "TASTESTREAM_SSL_CA_FILE: nowhere.pem can't"),
        ({"security_protocol": "TLS"}, "TASTESTREAM_SECURITY_PROTOCOL"),
        ({"security_protocol": "SASL_SSL", **LOGIN, "sasl_mechanism": "GSSAPI"}, "TASTESTREAM_SASL_MECHANISM"),
    ],
)
def test_a_contradiction_names_its_variable_and_no_secret(settings: dict[str, Any], variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable) as refused:
        options(**settings)
    assert PASSWORD not in str(refused.value)


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with pytest.raises(ConfigurationError, match="TASTESTREAM_SSL_CA_FILE"):
        options(security_protocol="SSL", ssl_ca_file=tmp_path / "ca.pem")


def test_no_text_of_the_settings_shows_the_password() -> None:
    settings = load_settings(security_protocol="SASL_SSL", **LOGIN)
    for text in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert PASSWORD not in text
    assert "| `TASTESTREAM_SASL_PASSWORD` | none |" in settings_table()


def test_a_wrong_type_of_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError, match="TASTESTREAM_SASL_PASSWORD") as refused:
        load_settings(sasl_password=[PASSWORD])
    assert PASSWORD not in str(refused.value)


def test_a_child_gets_the_password_itself() -> None:
    settings = load_settings(security_protocol="SASL_SSL", **LOGIN)
    assert plain_text(settings.sasl_password) == PASSWORD
    assert plain_text(settings.web_port) == "6066"


def test_a_child_reads_every_setting_as_its_parent_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(event_weights={"view": 7.5}, web_port=7000)
    for name, value in settings:
        if value is not None:
            monkeypatch.setenv(PREFIX + name.upper(), plain_text(value))
    assert load_settings() == settings
