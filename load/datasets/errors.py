"""What can go wrong with data sets and with load, one class per decision that a caller can take."""

from workers.errors import ConfigurationError, TasteStreamError


class DataFileError(TasteStreamError):
    """A data file is missing or broken: the message names file, line and fault; repair or replace it."""


class DownloadError(TasteStreamError):
    """A data set could not be fetched or failed its checksum: try again, or give a folder of your own."""


class LoadError(TasteStreamError):
    """A replay or a request load could not go on: what was acknowledged stays, start it again."""


class OptionError(LoadError, ConfigurationError):
    """An option names what is not there or can't be: nothing was begun, change the option."""
