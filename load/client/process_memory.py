"""Memory and CPU time of a process as the kernel counts them (Linux, /proc)."""

from pathlib import Path

import psutil

from load.datasets.errors import LoadError


def anonymous_bytes(pid: int) -> float:
    """Resident memory without the files that are mapped into it; raises LoadError without such a process.

    The write-ahead log of an embedded index is one: the system keeps up to 32 MB of it, and takes it back at will.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError as error:
        raise LoadError(f"no process whose memory can be read: {error}") from error
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return float(kilobytes) * 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads since it began; raises LoadError without such a process.

    Unlike its metrics page this does not wait for a worker that has other things to do.
    """
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error as error:
        raise LoadError(f"no process whose CPU time can be read: {error}") from error
    return float(times.user + times.system)
