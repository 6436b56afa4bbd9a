"""What the secured broker refuses before it starts."""

from pathlib import Path

import pytest

from infra.errors import ConfigurationError
from infra.kafka_security import BrokerSecurity

PEM = Path("any.pem")


def test_the_broker_needs_a_password_of_its_own() -> None:
    with pytest.raises(ConfigurationError, match="add the user 'broker'"):
        BrokerSecurity(PEM, PEM, {"shop": "secret"})


@pytest.mark.parametrize("password", ["", 'a"b', "a b", "a,b", "a]", "a\\b", "a\nb"])
def test_a_password_that_can_not_be_quoted_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ConfigurationError, match="user 'shop' must match") as refused:
        BrokerSecurity(PEM, PEM, {"broker": "own", "shop": password})
    assert not password or f"'{password}'" not in str(refused.value)


def test_every_user_gets_credentials_for_every_mechanism() -> None:
    made = BrokerSecurity(PEM, PEM, {"broker": "own", "shop": "secret"})
    assert made.format_arguments().count("--add-scram") == 4
    assert 'user_shop="secret"' in made.properties("CLIENTS")["listener.name.clients.plain.sasl.jaas.config"]
