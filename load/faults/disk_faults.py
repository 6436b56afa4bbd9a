"""What happens to the disk of a worker's folder: full, read-only. The folder gets a small disk of its own (mounts)."""

import asyncio
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from load.client.supervised import Supervised
from load.client.waiting import until
from load.faults.scene import Scene

# An index of this run takes up to 190: on a disk of that size it is full without the filler, and stays so.
DISK_MB = 320
BLOCK = bytes(1 << 20)


def disk_is_missing() -> str:
    """Why a folder can't have a disk of its own here."""
    with TemporaryDirectory() as folder:
        try:
            _mount(Path(folder))
        except (OSError, subprocess.CalledProcessError):
            return "needs the right to mount a small disk (root)"
        _unmount(Path(folder))
    return ""


async def fill_disk(scene: Scene) -> None:
    """The disk is full for a while, then has room again."""
    [worker] = scene.workers
    await _onto_small_disk(scene, worker)
    async with scene.window() as window:
        _fill(worker.settings.data_path / "filler")
        await asyncio.sleep(scene.scale.away_s / 4)
        (worker.settings.data_path / "filler").unlink()
        window.back_s = scene.now_s()
    scene.notes.append(f"meanwhile the worker ended with {sorted(set(worker.ends)) or 'nothing'}")


async def make_read_only(scene: Scene) -> None:
    """The worker is started on a folder that it may only read, until it may write there."""
    [worker] = scene.workers
    await _onto_small_disk(scene, worker)
    async with scene.window() as window:
        worker.discard()
        _mount(worker.settings.data_path, "remount,ro")
        worker.start()
        await until(lambda: bool(worker.ends), 60.0, "the worker refuses a folder that it can't write to")
        _mount(worker.settings.data_path, "remount,rw")
        window.back_s = scene.now_s()
    scene.notes.append(f"refused with exit code {worker.ends[0]}")


async def _onto_small_disk(scene: Scene, worker: Supervised) -> None:
    folder = worker.settings.data_path
    async with scene.window():
        worker.discard()
        _mount(folder)
        scene.at_end.append(lambda: _unmount(folder))
        worker.start()
        await until(worker.ready, 60.0, f"ready (see {worker.log_file})")


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        for block in (BLOCK, BLOCK[:4096], BLOCK[:1]):  # the last bytes, too
            try:
                while filler.write(block):
                    pass
            except OSError:
                continue


def _mount(folder: Path, options: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    size = f"size={DISK_MB}m"
    _run("mount", "-t", "tmpfs", "-o", f"{options},{size}" if options else size, "tmpfs", os.fspath(folder))


def _unmount(folder: Path) -> None:
    _run("umount", os.fspath(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
