"""How Kafka is spoken to: settings in, the options of every Kafka client out (reads certificate files)."""

import ssl
from collections.abc import Iterator

from workers.errors import ConfigurationError
from workers.settings import PREFIX, Settings
from workers.stream.connect import ClientOptions

SSL_SETTINGS = ("ssl_ca_file", "ssl_cert_file", "ssl_key_file")
SASL_SETTINGS = ("sasl_mechanism", "sasl_username", "sasl_password")


def client_options(settings: Settings) -> ClientOptions:
    """What aiokafka's producer, consumer and admin client share: servers, name, security.

    Raises ConfigurationError naming the variables that contradict each other, or files that can't be used.
    """
    if problems := list(_contradictions(settings)):
        raise ConfigurationError("; ".join(problems))
    options: ClientOptions = {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.app_id,
        "security_protocol": settings.security_protocol,
    }
    if _encrypts(settings):
        options["ssl_context"] = _ssl_context(settings)
    if _logs_in(settings) and settings.sasl_password is not None:
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.get_secret_value(),
        }
    return options


def _encrypts(settings: Settings) -> bool:
    return settings.security_protocol in ("SSL", "SASL_SSL")


def _logs_in(settings: Settings) -> bool:
    return settings.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")


def _contradictions(settings: Settings) -> Iterator[str]:
    protocol = f"{PREFIX}SECURITY_PROTOCOL={settings.security_protocol}"
    for name in SASL_SETTINGS:
        given = getattr(settings, name) is not None
        if given != _logs_in(settings):
            yield f"{_variable(name)} is {'set, but useless' if given else 'missing'} with {protocol}"
    for name in SSL_SETTINGS:
        if getattr(settings, name) is not None and not _encrypts(settings):
            yield f"{_variable(name)} is set, but useless with {protocol}"
    if (settings.ssl_cert_file is None) != (settings.ssl_key_file is None):
        yield f"{_variable('ssl_cert_file')} and {_variable('ssl_key_file')} belong together: set both or none"


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    """Checks who the broker is and that its name fits; raises ConfigurationError for a file that can't be read."""
    context = ssl.create_default_context()
    if settings.ssl_ca_file is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(settings.ssl_ca_file)
        except OSError as error:
            raise _unusable("ssl_ca_file", settings.ssl_ca_file, error) from None
    if settings.ssl_cert_file is not None and settings.ssl_key_file is not None:
        try:
            # Without a password of its own, OpenSSL would ask for that of an encrypted key at the terminal.
            context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file, password="")
        except OSError as error:
            raise _unusable("ssl_cert_file", settings.ssl_cert_file, error) from None
    return context


def _unusable(name: str, value: object, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{_variable(name)}: {value} can't be used ({error.strerror or error}); it must be a readable PEM file"
    )


def _variable(name: str) -> str:
    return PREFIX + name.upper()
