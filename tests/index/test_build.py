"""The index that the settings name is built in one place, and its key reaches the server only."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.qdrant_stub import QdrantStub
from tests.index.builders import SCHEMA, point
from workers.errors import ConfigurationError
from workers.index.build import build_index
from workers.index.edge import EdgeIndex
from workers.index.indexes import SLICE_IN_PROCESS, SLICE_ON_SERVER
from workers.index.memory import MemoryIndex
from workers.index.patient import PatientIndex
from workers.index.server import QdrantServerIndex
from workers.settings import load_settings

KEY = "s3cret-0123456789"


def test_an_index_in_this_process_is_one_object_that_nothing_wraps(tmp_path: Path) -> None:
    for kind, made in (("edge", EdgeIndex), ("memory", MemoryIndex)):
        indexes = build_index(load_settings(index_kind=kind, data_path=tmp_path))
        assert type(indexes.answers) is made
        assert indexes.answers is indexes.ingest is indexes.writes
        assert (indexes.server, indexes.slice_items) == (None, SLICE_IN_PROCESS)


async def test_on_a_server_answers_are_impatient_and_writes_are_not(stub: QdrantStub) -> None:
    settings = load_settings(
        index_kind="server", qdrant_url=stub.url, qdrant_api_key=KEY, qdrant_collection="films", qdrant_timeout_ms=100
    )
    indexes = build_index(settings)
    assert isinstance(indexes.answers, QdrantServerIndex) and indexes.answers is indexes.server
    assert isinstance(indexes.writes, PatientIndex) and indexes.slice_items == SLICE_ON_SERVER
    await indexes.answers.ensure(SCHEMA)
    await indexes.writes.ensure(SCHEMA)
    await indexes.writes.upsert([point("a")])
    assert "a" in await indexes.answers.payloads(["a"], ())
    assert stub.local.count("films").count == 1
    assert stub.keys_seen == {KEY}
    for index in (indexes.answers, indexes.ingest):
        await index.close()


@pytest.mark.parametrize("url", ["127.0.0.1:6334", "ftp://there:1", "http://user:hidden@", "http://there/path"])
def test_an_address_that_is_none_names_the_variable_and_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TASTESTREAM_QDRANT_URL") as refused:
        build_index(load_settings(index_kind="server", qdrant_url=url))
    assert "hidden" not in str(refused.value)


def test_a_worker_without_a_server_does_not_load_the_server_s_client() -> None:
    program = "import sys, workers.runtime.app; print(sorted({'qdrant_client', 'grpc', 'pyarrow'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
