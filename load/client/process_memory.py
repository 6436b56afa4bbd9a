"""Memory of a process as the kernel counts it (Linux, /proc)."""

from pathlib import Path

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
