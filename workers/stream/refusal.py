"""Whether Kafka is away or refuses us (I/O): the one is worth waiting for, the other needs a person.

aiokafka's clients report neither: whatever goes wrong at the first connection, they can't bootstrap.
"""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from workers.errors import ConfigurationError

ANSWER_WITHIN_MS = 5_000
_LOGIN_REFUSED = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


async def refusal(options: Mapping[str, Any]) -> ConfigurationError | None:
    """Why Kafka does not let us in; None if it does, or if no broker answers."""
    hosts = str(options["bootstrap_servers"])
    for host, port, _ in collect_hosts(hosts):
        try:
            connection = await open_connection(options, host, port)
        except _LOGIN_REFUSED as error:
            return ConfigurationError(
                f"Kafka at {host}:{port} refuses user {options.get('sasl_plain_username')!r} "
                f"({options.get('sasl_mechanism')}): {error}; "
                "check TASTESTREAM_SASL_USERNAME, TASTESTREAM_SASL_PASSWORD and TASTESTREAM_SASL_MECHANISM"
            )
        except ssl.SSLError as error:
            if problem := _certificate_problem(error):
                return ConfigurationError(f"Kafka at {host}:{port} can't be spoken to over TLS: {problem}")
        except (KafkaError, OSError, TimeoutError):
            continue
        else:
            connection.close()
            return None
    return None


async def answers(options: Mapping[str, Any]) -> bool:
    """Whether Kafka takes a new connection of ours now."""
    for host, port, _ in collect_hosts(str(options["bootstrap_servers"])):
        with suppress(KafkaError, OSError, TimeoutError):
            (await open_connection(options, host, port)).close()
            return True
    return False


async def open_connection(options: Mapping[str, Any], host: str, port: int) -> AIOKafkaConnection:
    """A connection of its own, logged in; raises what went wrong."""
    security = {name: value for name, value in options.items() if name.startswith(("security_", "ssl_", "sasl_"))}
    return await create_conn(host, port, request_timeout_ms=ANSWER_WITHIN_MS, **security)


def _certificate_problem(error: ssl.SSLError) -> str:
    """What a person must change; empty for a connection that only broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); check TASTESTREAM_SSL_CA_FILE"
    reason = error.reason or ""
    if "ALERT" in reason:
        return f"it does not accept ours ({reason}); check TASTESTREAM_SSL_CERT_FILE"
    return ""
