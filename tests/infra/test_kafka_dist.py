"""Kafka's jars: fetched, verified, refused. The mirror is a folder served on 127.0.0.1."""

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra.errors import ConfigurationError, DownloadError
from infra.kafka_dist import class_path
from infra.kafka_lock import read_lock

JAR = b"the bytes of a jar"
JAR_PATH = Path("org/example/thing/1.0/thing-1.0.jar")


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository with one jar, which jgo's configuration file names in place of Maven Central."""
    folder = tmp_path / "mirror"
    (folder / JAR_PATH).parent.mkdir(parents=True)
    (folder / JAR_PATH).write_bytes(JAR)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder)) as server:
        Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
        use_repository(f"http://127.0.0.1:{server.server_port}", tmp_path, monkeypatch)
        yield folder
        server.shutdown()


def use_repository(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "jgo.conf"
    config.write_text(f"[repositories]\ncentral = {url}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))


def write_lock(tmp_path: Path, content: bytes = JAR) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    lock = tmp_path / "kafka.lock.toml"
    lock.write_text(
        f'[[dependencies]]\ngroupId = "org.example"\nartifactId = "thing"\nversion = "1.0"\nsha256 = "{sha256}"\n'
    )
    return lock


def test_a_missing_jar_is_fetched_once_and_then_used_without_network(mirror: Path, tmp_path: Path) -> None:
    cache, lock = tmp_path / "cache", write_lock(tmp_path)
    [jar] = class_path(cache, lock)
    assert jar.read_bytes() == JAR
    (mirror / JAR_PATH).unlink()
    assert class_path(cache, lock) == [jar]
    assert [path.name for path in jar.parent.iterdir()] == [jar.name]


def test_a_repository_that_serves_another_file_is_refused(mirror: Path, tmp_path: Path) -> None:
    cache, lock = tmp_path / "cache", write_lock(tmp_path, content=b"what was locked")
    with pytest.raises(ConfigurationError, match=r"thing-1\.0\.jar .*sha256.*do not use it"):
        class_path(cache, lock)
    assert not list(cache.rglob("*.jar"))


def test_a_changed_jar_in_the_cache_is_refused_by_name(mirror: Path, tmp_path: Path) -> None:
    cache, lock = tmp_path / "cache", write_lock(tmp_path)
    [jar] = class_path(cache, lock)
    jar.write_bytes(JAR + b"!")
    with pytest.raises(ConfigurationError, match=r"thing-1\.0\.jar .*sha256.*Delete .*thing-1\.0\.jar"):
        class_path(cache, lock)


def test_an_unreachable_repository_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_repository("http://127.0.0.1:9", tmp_path, monkeypatch)
    with pytest.raises(DownloadError, match=r"org\.example:thing:1\.0 .*127\.0\.0\.1.*HTTPS_PROXY.*jgo\.conf"):
        class_path(tmp_path / "cache", write_lock(tmp_path))


def test_a_jar_that_the_repository_lacks_is_named(mirror: Path, tmp_path: Path) -> None:
    (mirror / JAR_PATH).unlink()
    with pytest.raises(DownloadError, match=r"org\.example:thing:1\.0 could not be fetched"):
        class_path(tmp_path / "cache", write_lock(tmp_path))


def test_a_locked_jar_without_checksum_is_refused(tmp_path: Path) -> None:
    lock = write_lock(tmp_path)
    lock.write_text("\n".join(line for line in lock.read_text().splitlines() if "sha256" not in line))
    with pytest.raises(ConfigurationError, match=r"kafka\.lock\.toml.*sha256.*infra\.kafka_lock"):
        class_path(tmp_path / "cache", lock)


def test_the_committed_lock_holds_kafka_and_a_log_backend_with_full_checksums() -> None:
    jars = read_lock()
    assert {"org.apache.kafka:kafka_2.13:4.1.0", "org.slf4j:slf4j-simple:1.7.36"} <= set(map(str, jars))
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert len({jar.file_name for jar in jars}) == len(jars)
