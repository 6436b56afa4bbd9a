"""TLS and SASL for the broker in a box: every client of it proves who it is, over an encrypted connection."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.errors import ConfigurationError

SCRAM_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
# The broker speaks to itself too (it ends transactions): under a name of its own, with PLAIN.
BROKER_USER = "broker"
_MODULES = "org.apache.kafka.common.security"
# Neither Kafka's JAAS lines nor the arguments of its storage tool have one way to quote everything else.
_QUOTABLE = re.compile(r"[A-Za-z0-9._~!@#%^&*+-]{1,200}")


@dataclass(frozen=True, slots=True)
class BrokerSecurity:
    """SASL_SSL at the clients' listener, with PLAIN and SCRAM.

    `keystore`: PEM file of the private key (PKCS#8, not encrypted) and the certificate chain; `authority`: PEM file
    of the certificates that the broker trusts; `users`: passwords by name, the broker's own (`broker`) among them.
    With `client_certificates` a client must show one that `authority` signed. Raises `ConfigurationError`.
    """

    keystore: Path
    authority: Path
    users: Mapping[str, str] = field(repr=False)
    client_certificates: bool = False

    def __post_init__(self) -> None:
        if BROKER_USER not in self.users:
            raise ConfigurationError(f"The broker needs a password too: add the user {BROKER_USER!r}.")
        for user, password in self.users.items():
            if not _QUOTABLE.fullmatch(user) or not _QUOTABLE.fullmatch(password):
                raise ConfigurationError(f"Name and password of user {user!r} must match {_QUOTABLE.pattern}.")

    def properties(self, listener: str) -> dict[str, str]:
        """Server properties that secure `listener`."""
        logins = "".join(f' user_{user}="{password}"' for user, password in self.users.items())
        own = f'username="{BROKER_USER}" password="{self.users[BROKER_USER]}"'
        prefix = f"listener.name.{listener.lower()}"
        scram = {
            f"{prefix}.{m.lower()}.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;"
            for m in SCRAM_MECHANISMS
        }
        return {
            "listener.security.protocol.map": f"{listener}:SASL_SSL,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM_MECHANISMS)),
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            f"{prefix}.plain.sasl.jaas.config": f"{_MODULES}.plain.PlainLoginModule required {own}{logins};",
            **scram,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.keystore.absolute()),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.absolute()),
            # With SASL only the listener's own setting counts.
            f"{prefix}.ssl.client.auth": "required" if self.client_certificates else "none",
        }

    def format_arguments(self) -> list[str]:
        """Arguments of Kafka's storage tool: SCRAM's credentials live in the metadata, not in a file."""
        return [
            argument
            for mechanism in SCRAM_MECHANISMS
            for user, password in self.users.items()
            for argument in ("--add-scram", f"{mechanism}=[name={user},password={password}]")
        ]
