"""Apache Kafka without an installer: jars from a Maven repository, kept in a cache folder (network, disk).

Only jars of the lock file are ever fetched or put on the class path, and each is held to its sha256 at every
start (44 MB, about 0.03 s). Finished jars are renamed into the cache one by one: two processes may fetch at
the same time, and a fetch that broke off goes on where it stopped.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import truststore
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext
from rich.console import Console
from rich.progress import track
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from infra.errors import ConfigurationError, DownloadError
from infra.kafka_lock import LOCK_FILE, Jar, read_lock

ATTEMPTS, PAUSE_S = 3, 2.0
HTTP_TIMEOUT_S = 30  # without any byte; jgo's 10 s is too short for a mirror that first fetches the jar itself


def default_cache() -> Path:
    """Return the folder of `TASTESTREAM_CACHE`, else `~/.cache/tastestream`."""
    return Path(os.environ.get("TASTESTREAM_CACHE") or "~/.cache/tastestream").expanduser()


def class_path(cache: Path | None = None, lock_file: Path = LOCK_FILE) -> list[Path]:
    """Return every locked jar as a verified file in the cache; what is missing there is fetched first.

    Raises `DownloadError` when a jar can't be fetched, `ConfigurationError` when one differs from the lock.
    """
    folder = (cache or default_cache()) / "kafka"
    jars = read_lock(lock_file)
    _fetch([jar for jar in jars if not (folder / jar.file_name).exists()], folder)
    for jar in jars:
        path = folder / jar.file_name
        _verify(path, jar, advice=f"Delete {path} and start again; it is then fetched again.")
    return [folder / jar.file_name for jar in jars]


def _fetch(jars: Sequence[Jar], folder: Path) -> None:
    if not jars:
        return
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    # The staging folder is inside the cache because a rename is only atomic within one file system.
    with _trusting_the_machine(), TemporaryDirectory(prefix=".fetch-", dir=folder) as staging:
        maven = MavenContext(repo_cache=Path(staging), remote_repos=_repositories(), timeout=HTTP_TIMEOUT_S)
        for jar in track(jars, "Fetching Apache Kafka", console=console, disable=not console.is_terminal):
            path = _download(maven, jar)
            _verify(path, jar, advice="The Maven repository or a proxy serves another file: do not use it.")
            path.replace(folder / jar.file_name)


@contextmanager
def _trusting_the_machine() -> Iterator[None]:
    """Trust the certificates that this machine trusts, as pip does: requests by itself knows a list of its own."""
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def _repositories() -> dict[str, str]:
    """Return Maven Central, and over it the repositories of jgo's configuration, which its API leaves out."""
    return {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}


@retry(
    retry=retry_if_exception_type(DownloadError),
    stop=stop_after_attempt(ATTEMPTS),
    wait=wait_fixed(PAUSE_S),
    reraise=True,
)
def _download(maven: MavenContext, jar: Jar) -> Path:
    try:
        return Path(maven.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors, jgo's own are RuntimeErrors
        raise DownloadError(
            f"Apache Kafka is not complete: {jar} could not be fetched from {maven.remote_repos} ({error}). "
            "Check the network; behind a proxy set HTTPS_PROXY; to use a Maven mirror write "
            "`[repositories]` and `central = URL` into ~/.config/jgo.conf (or the file that "
            "JGO_CONFIG_FILE names). Then start again: jars that are already here are kept."
        ) from error


def _verify(path: Path, jar: Jar, advice: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        raise ConfigurationError(f"{jar.file_name} ({jar}) has sha256 {found}, but {jar.sha256} was locked. {advice}")
