"""Errors that a caller can act on: one root, one subclass per decision."""

# Exit codes for supervisors: after a failure start again, a contradiction waits for a person (EX_CONFIG).
EXIT_FAILED, EXIT_MISCONFIGURED = 1, 78


class TasteStreamError(Exception):
    """Root of all our errors; the message says what happened, to which id, and what to do next."""


class BadRecordError(TasteStreamError):
    """A record can't be used: dead-letter it with `code` and go on with the next one."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DependencyError(TasteStreamError):
    """Kafka or the index does not answer: retry, then end the process loudly."""


class ConfigurationError(TasteStreamError):
    """A setting, topic or file contradicts the worker: stop and let a person change it."""
