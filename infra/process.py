"""Child processes that end with their parent, however it ends (processes)."""

import subprocess
from collections.abc import Mapping, Sequence
from typing import BinaryIO

# The parent holds the write end of a pipe, which the kernel closes however the parent ends; the watcher in
# the background then reads end-of-file and kills. `exec` gives the command the shell's own pid ($$), and
# because the watcher stays in that process group, the number goes to no other process while it lives.
# Linux's PR_SET_PDEATHSIG would be shorter, but it fires when the *thread* that started the child ends (a
# start in a worker thread would lose its child), needs code between fork and exec, and is Linux only.
_TIED_TO_PARENT = 'exec 3<&0; (read -r _ <&3; kill -KILL $$) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-'


def spawn_tied(
    command: Sequence[str], log: BinaryIO, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` with its output in `log`; it is killed when this process ends or closes its `stdin`.

    `environment` replaces this process's own: passwords go there, as every user can read a command line.

    It runs in a session of its own, so Ctrl-C in the terminal reaches only the parent, which then stops it.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", _TIED_TO_PARENT, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=environment,
    )


def stop_tied(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Ask the process to end, kill it after `grace_s` seconds, and wait until it is gone."""
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
    release_tied(process)


def release_tied(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was asked to end, and let its watcher go."""
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
