"""README's first steps: data is published, the worker folds it, and the next question is answered from it."""

from pathlib import Path

import pytest

from load.client import folding
from load.datasets.errors import LoadError
from tests.load.folders import comma_folder
from tests.worker.digests import settings_of
from tests.worker.process import Worker
from tests.worker.tool import tastestream


async def test_a_replay_returns_when_answers_hold_what_was_published(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = str(comma_folder(tmp_path / "data"))
    worker = Worker(broker, tmp_path / "worker")
    ran = await tastestream(worker, "replay", "--data", data, "--no-wait")
    assert ran.code == 0 and "published" in ran.text and "folded" not in ran.text, ran.text
    monkeypatch.setattr(folding, "WORKER_WITHIN_S", 0.0)
    with pytest.raises(LoadError, match=r"no worker is in the group .* start it with `tastestream worker`"):
        await folding.until_folded(settings_of(worker), None)
    try:
        await worker.start()
        ran = await tastestream(worker, "replay", "--data", data)
        assert ran.code == 0 and ran.text.rstrip().endswith("answers hold all of it"), ran.text
        assert await folding.behind(settings_of(worker)) == 0
        ran = await tastestream(worker, "ask", "1")
        assert "Holds the user's events up to offset" in ran.text and "still folding" not in ran.text
        ran = await tastestream(worker, "state", "show", "1")
        assert "rating 4  Toy Story [10]" in ran.text, ran.text
        assert await worker.stop() == 0
    finally:
        worker.kill()
