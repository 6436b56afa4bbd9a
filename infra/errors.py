"""Errors of what runs beside the workers: one root, one subclass per decision that a caller can take."""


class InfraError(Exception):
    """Root of this package's errors; the message says what happened, to what, and what to do next."""


class ConfigurationError(InfraError):
    """A file or setting contradicts what was locked or asked for: stop and let a person change it."""


class DownloadError(InfraError):
    """A jar could not be fetched: try again when the Maven repository can be reached."""


class BrokerError(InfraError):
    """The broker did not start or has ended; the message holds the last lines of its log."""


class PortTakenError(BrokerError):
    """Another process listens on a port that the broker needs, or there is no such port: choose another port."""


class FolderError(BrokerError):
    """The broker's data folder is in use, or can't be written: choose another folder."""
