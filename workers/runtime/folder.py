"""The worker's own folder: made before anything is imported that numba compiles (files, environment)."""

import os
from pathlib import Path
from tempfile import TemporaryFile

import models
from workers.errors import ConfigurationError

NUMBA_CACHE_DIR = "NUMBA_CACHE_DIR"


def prepare_folder(folder: Path) -> None:
    """Make the data folder if it is missing, for compiled kernels too; ConfigurationError if it can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigurationError(
            f"the data folder {folder} can't be written ({error.strerror}): set TASTESTREAM_DATA_PATH to another"
        ) from error
    _keep_kernels_in(folder / "kernels")


def _keep_kernels_in(folder: Path) -> None:
    """Where the code is read-only, as in a container, compile once a data folder instead of once a start.

    Beside the code, where numba looks otherwise, kernels are shared by all workers and tests of a machine.
    """
    if not os.access(Path(models.__file__).parent, os.W_OK):
        os.environ.setdefault(NUMBA_CACHE_DIR, str(folder.absolute()))
