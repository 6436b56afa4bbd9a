"""What happens to a worker's own folder: taken by another worker, lost, damaged."""

import shutil
from pathlib import Path

from load.client.supervised import Supervised
from load.client.waiting import until
from load.datasets.errors import LoadError
from load.faults.scene import Scene

OVERWRITTEN_BYTES = 64


async def second_worker_on_same_folder(scene: Scene) -> None:
    """Another worker is given the folder of one that runs: it must refuse, and harm nothing."""
    async with scene.window():
        intruder = scene.add_worker(named=False, data_path=scene.workers[0].settings.data_path)
        await until(lambda: bool(intruder.ends), 60.0, "the second worker ends")
        scene.workers.remove(intruder)
        intruder.discard()
        scene.notes.append(f"the second worker ended with {intruder.ends[0]}")


async def lose_index(scene: Scene) -> None:
    """kill -9, and the folder of the index is gone."""
    [worker] = scene.workers
    async with scene.window():
        worker.discard()
        shutil.rmtree(_index_of(worker))
        worker.start()


async def corrupt_index(scene: Scene) -> None:
    """kill -9, and files of the index are overwritten: the worker refuses them until an operator deletes the folder."""
    [worker] = scene.workers
    folder = _index_of(worker)
    async with scene.window():
        worker.discard()
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size):
            with file.open("r+b") as content:
                content.write(b"\xff" * min(OVERWRITTEN_BYTES, file.stat().st_size))
        worker.start()
        await until(lambda: bool(worker.ends), 60.0, "the worker refuses a corrupted index")
        worker.discard()
        scene.notes.append(f"refused with exit code {worker.ends[0]}")
        shutil.rmtree(folder)
        worker.start()


def _index_of(worker: Supervised) -> Path:
    folder = worker.settings.data_path / "index"
    if not folder.is_dir():
        raise LoadError(f"there is no index in {folder}")
    return folder
