"""What the index on a server asks of the server, its collection, address and key before it goes to work."""

import asyncio
import logging
from pathlib import Path

import pytest
from grpc import StatusCode

from infra.qdrant_stub import QdrantStub
from tests.index.builders import SCHEMA, dense, near, numbered, point
from tests.index.contract import ids
from tests.index.servers import finds_all, opened
from tests.infra.certificates import new_authority
from tests.waiting import until
from workers.errors import ConfigurationError, DependencyError
from workers.index.server import QdrantServerIndex
from workers.index.server_link import ServerOptions
from workers.index.types import DenseSpec, FieldKind, Schema

KEY = "s3cret-0123456789"


async def test_absent_server_is_named_with_advice() -> None:
    index = QdrantServerIndex(ServerOptions("http://127.0.0.1:1"))
    with pytest.raises(DependencyError, match=r"127\.0\.0\.1:1: .*UNAVAILABLE.*gRPC port"):
        await index.ensure(SCHEMA)
    await index.close()


async def test_server_that_was_not_reached_at_the_start_is_a_failure_to_wait_out(stub: QdrantStub) -> None:
    await stub.stop()
    index = QdrantServerIndex(ServerOptions(stub.url))
    with pytest.raises(DependencyError):
        await index.ensure(SCHEMA)
    with pytest.raises(DependencyError, match="not reached yet"):
        await index.search([near()])
    await stub.start()

    async def opens() -> bool:
        try:
            await index.ensure(SCHEMA)
        except DependencyError:
            return False
        return True

    await until(opens)
    assert await index.search([near()]) == [[]]
    await index.close()


async def test_port_that_accepts_and_says_nothing_costs_the_deadline_at_the_start() -> None:
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    index = QdrantServerIndex(ServerOptions(f"http://127.0.0.1:{port}", write_timeout_s=1.0))
    with pytest.raises(DependencyError, match="gRPC port"):
        await index.ensure(SCHEMA)
    await index.close()
    silent.close()


@pytest.mark.parametrize("version", ["1.17.4", "0.9.0", "unknown"])
async def test_server_that_is_too_old_is_refused_with_the_minimum_and_the_reason(
    stub: QdrantStub, version: str
) -> None:
    stub.version = version
    index = QdrantServerIndex(ServerOptions(stub.url))
    with pytest.raises(ConfigurationError, match=rf"{version}.*1\.18 or newer, because.*vectors"):
        await index.ensure(SCHEMA)
    await index.close()


@pytest.mark.parametrize("version", ["1.18.0", "1.20.1-dev", "2.0.0"])
async def test_server_that_is_new_enough_is_taken(stub: QdrantStub, version: str) -> None:
    stub.version = version
    await (await opened(stub)).close()


@pytest.mark.parametrize(
    "other",
    [
        Schema(dense={"text": DenseSpec(5), "given": SCHEMA.dense["given"]}, sparse=SCHEMA.sparse),
        Schema(dense={"text": DenseSpec(4), "given": DenseSpec(3)}, sparse=SCHEMA.sparse),
        Schema(dense=SCHEMA.dense, sparse=("transitions", "words")),
    ],
    ids=["dimension", "distance", "names"],
)
async def test_collection_of_other_vectors_is_refused_with_both_forms(stub: QdrantStub, other: Schema) -> None:
    await (await opened(stub)).close()
    index = QdrantServerIndex(ServerOptions(stub.url))
    with pytest.raises(ConfigurationError, match=r"holds.*wanted.*`tastestream index drop`.*QDRANT_COLLECTION"):
        await index.ensure(other)
    await index.close()


async def test_collection_that_knows_more_vectors_is_taken_and_forgets_them_point_by_point(stub: QdrantStub) -> None:
    await (await opened(stub)).close()
    index = QdrantServerIndex(ServerOptions(stub.url, read_timeout_s=5.0))
    await index.ensure(Schema(dense={"text": SCHEMA.dense["text"]}))
    await index.upsert([point("i00002", text=dense(1, 0, 0, 0))])
    held = {stored.item_id: set(stored.vectors) for stored in await index.points(["i00001", "i00002"])}
    assert held == {"i00001": {"text", "transitions"}, "i00002": {"text"}}
    await index.close()


async def test_field_that_is_indexed_as_another_type_is_refused_by_name(stub: QdrantStub) -> None:
    await (await opened(stub)).close()
    index = QdrantServerIndex(ServerOptions(stub.url))
    with pytest.raises(ConfigurationError, match=r"'price' as Float, not as keyword"):
        await index.ensure(Schema(SCHEMA.dense, SCHEMA.sparse, {"price": FieldKind.KEYWORD}))
    await index.close()


async def test_field_that_is_new_in_the_schema_is_indexed_in_the_collection_that_exists(stub: QdrantStub) -> None:
    await (await opened(stub)).close()
    index = QdrantServerIndex(ServerOptions(stub.url))
    await index.ensure(Schema(SCHEMA.dense, SCHEMA.sparse, {**SCHEMA.fields, "brand": FieldKind.KEYWORD}))
    assert set(stub.fields["tastestream"]) == {*SCHEMA.fields, "brand"}
    assert stub.calls["CreateFieldIndex"] == len(SCHEMA.fields) + 1
    await index.close()


async def test_workers_that_start_together_share_one_collection(stub: QdrantStub) -> None:
    workers = [QdrantServerIndex(ServerOptions(stub.url)) for _ in range(4)]
    await asyncio.gather(*(worker.ensure(SCHEMA) for worker in workers))
    await workers[0].upsert(numbered(3))
    for worker in workers:
        assert ids((await worker.search([near()]))[0]) == ["i00002", "i00001", "i00000"]
        await worker.close()


async def test_api_key_reaches_the_server_and_no_message(stub: QdrantStub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    options = ServerOptions(stub.url, api_key=KEY)
    index = QdrantServerIndex(options)
    await index.ensure(SCHEMA)
    assert KEY in stub.keys_seen
    assert "goes over the network unencrypted" in caplog.text
    stub.refusal = (StatusCode.PERMISSION_DENIED, "forbidden")
    with pytest.raises(ConfigurationError, match="check the API key") as refused:
        await index.upsert(numbered(1))
    texts = [repr(options), repr(index), str(refused.value), repr(refused.value.__cause__), caplog.text]
    assert not any(KEY in text for text in texts)
    await index.close()


async def test_api_key_with_a_line_break_is_refused_without_showing_it(stub: QdrantStub) -> None:
    index = QdrantServerIndex(ServerOptions(stub.url, api_key=KEY + "\n"))
    with pytest.raises(ConfigurationError, match="line break") as refused:
        await index.ensure(SCHEMA)
    assert KEY not in str(refused.value)
    await index.close()


@pytest.mark.parametrize("url", ["127.0.0.1:6334", "ftp://x", "http://", "http://x:port", "http://u:s3cret@x/path"])
def test_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"http\(s\)://host:port") as refused:
        QdrantServerIndex(ServerOptions(url))
    assert "s3cret" not in str(refused.value)


async def test_index_that_was_not_opened_or_is_closed_says_so(stub: QdrantStub) -> None:
    with pytest.raises(ConfigurationError, match="ensure"):
        await QdrantServerIndex(ServerOptions(stub.url)).search([near()])
    index = await opened(stub)
    await index.close()
    await index.close()
    with pytest.raises(ConfigurationError, match="ensure"):
        await index.upsert(numbered(1))
    await index.ensure(SCHEMA)
    assert await finds_all(index)
    await index.close()


async def test_server_with_a_certificate_of_our_own_authority_is_trusted_and_no_other(
    tmp_path: Path, stub: QdrantStub
) -> None:
    authority = new_authority(tmp_path)
    issued = authority.ca.issue_cert("127.0.0.1")
    chain = b"".join(one.bytes() for one in issued.cert_chain_pems)
    await stub.stop()
    await stub.start((issued.private_key_pem.bytes(), chain))
    url = stub.url.replace("http:", "https:")
    trusting = QdrantServerIndex(ServerOptions(url, ca_file=authority.ca_file, api_key=KEY))
    await trusting.ensure(SCHEMA)
    await trusting.close()
    doubting = QdrantServerIndex(ServerOptions(url))
    with pytest.raises(DependencyError, match="UNAVAILABLE"):
        await doubting.ensure(SCHEMA)
    await doubting.close()


async def test_certificate_file_that_is_missing_is_named(tmp_path: Path) -> None:
    index = QdrantServerIndex(ServerOptions("https://127.0.0.1:1", ca_file=tmp_path / "none.pem"))
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        await index.ensure(SCHEMA)
