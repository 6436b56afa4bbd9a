"""Java's start-up cache: recorded once, used by the starts that follow, never a reason not to start."""

import fcntl
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.broker import Broker
from infra.errors import BrokerError
from infra.kafka_dist import class_path
from infra.startup_cache import startup_flags


class Recorder:
    """Stands for a broker that writes its cache when it stops."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs: list[list[str]] = []
        self._error = error

    def __call__(self, flags: list[str]) -> None:
        self.runs.append(flags)
        if self._error is not None:
            raise self._error
        Path(flags[0].removeprefix("-XX:AOTCacheOutput=")).write_text("learned")


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"{name}.jar" for name in "ab"]
    for jar in made:
        jar.write_text("classes")
    return made


def caches(jars: Sequence[Path]) -> list[str]:
    return [path.read_text() for path in jars[0].parent.glob("*.aot")]


def test_a_start_is_recorded_once_and_later_starts_use_it(jars: list[Path]) -> None:
    record = Recorder()
    first, second = startup_flags(jars, record), startup_flags(jars, record)
    assert len(record.runs) == 1 and first == second
    assert Path(first[0].removeprefix("-XX:AOTCache=")).read_text() == "learned"


def test_other_jars_get_a_cache_of_their_own_and_the_old_one_goes(jars: list[Path]) -> None:
    record = Recorder()
    before = startup_flags(jars, record)
    jars[1].write_text("other classes")
    assert startup_flags(jars, record) != before
    assert len(record.runs) == 2 and caches(jars) == ["learned"]


def test_a_start_that_can_not_be_recorded_goes_without(jars: list[Path]) -> None:
    assert startup_flags(jars, Recorder(BrokerError("no port"))) == []
    assert startup_flags(jars, lambda flags: None) == []


def test_a_start_beside_one_that_records_goes_without(jars: list[Path]) -> None:
    record = Recorder()
    with (jars[0].parent / "startup.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert startup_flags(jars, record) == []
    assert record.runs == [] and startup_flags(jars, record) != []


def test_a_corrupt_cache_costs_the_broker_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "torn.aot").write_bytes(b"not a cache")
    with Broker(java_flags=[f"-XX:AOTCache={tmp_path / 'torn.aot'}"]) as broker:
        assert broker.pid is not None


@pytest.mark.long
def test_java_takes_what_it_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache" / "kafka"
    folder.mkdir(parents=True)
    for jar in class_path():
        (folder / jar.name).symlink_to(jar)
    monkeypatch.setenv("TASTESTREAM_CACHE", str(tmp_path / "cache"))
    with Broker():
        [cache] = folder.glob("*.aot")
    flags = [f"-XX:AOTCache={cache}", "-XX:AOTMode=on"]  # with `on` Java ends when it can't use the cache
    with Broker(java_flags=flags) as broker:
        assert broker.pid is not None
