"""The lock file of Apache Kafka's jars: read at every start, rewritten by `python -m infra.kafka_lock`.

A new Kafka version: change `COORDINATES`, run the module, and review the difference that it makes.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from jgo.env import LockFile
from jgo.maven import MavenContext

from infra.errors import ConfigurationError

LOCK_FILE = Path(__file__).with_name("kafka.lock.toml")
# slf4j-simple must have the version of the slf4j-api that Kafka asks for, else it is not found at run time.
COORDINATES = ("org.apache.kafka:kafka_2.13:4.1.0", "org.slf4j:slf4j-simple:1.7.36")


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar; `str()` gives its Maven coordinate.

    >>> jar = Jar("org.slf4j", "slf4j-api", "1.7.36", sha256="d3ef…")
    >>> str(jar), jar.file_name
    ('org.slf4j:slf4j-api:1.7.36', 'slf4j-api-1.7.36.jar')
    """

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """Return the locked jars in class path order; an entry without a checksum is a `ConfigurationError`."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["dependencies"]
        return [Jar(e["groupId"], e["artifactId"], e["version"], e["sha256"]) for e in entries]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigurationError(
            f"{path} does not lock Kafka's jars ({type(error).__name__}: {error}). "
            "Restore it from version control, or rewrite it with `python -m infra.kafka_lock`."
        ) from error


def write_lock(path: Path = LOCK_FILE) -> None:
    """Resolve `COORDINATES` against the Maven repository and write each jar's version and sha256."""
    maven = MavenContext()
    wanted = [maven.create_dependency(coordinate) for coordinate in COORDINATES]
    inputs, transitive = maven.resolver.resolve(wanted)
    LockFile.from_resolved_dependencies(inputs + transitive, environment_name="kafka").save(path)


if __name__ == "__main__":
    write_lock()
