"""A Qdrant server for tests: the real gRPC interface on a real port over qdrant-client's local mode.

It can be made to hang (accepts calls, never answers), be slow, refuse, be of another version, and be away. What
local mode does not know about a collection, its field indexes, is kept here.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from grpc import RpcMethodHandler, ServerCredentials, StatusCode, ssl_server_credentials
from grpc import aio as grpc_aio
from qdrant_client import QdrantClient, grpc, models
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc, grpc_field_type_to_payload_schema

Continuation = Callable[[Any], Awaitable[RpcMethodHandler]]
COMPLETED = grpc.UpdateResult(operation_id=1, status=grpc.UpdateStatus.Completed)


class QdrantStub:
    """One server: `await start()`, then change its mood at any time; data stay while it is stopped."""

    def __init__(self) -> None:
        self.version = "1.20.0"
        self.local = QdrantClient(":memory:")
        self.fields: dict[str, dict[str, grpc.PayloadSchemaInfo]] = {}
        self.calls: Counter[str] = Counter()
        self.keys_seen: set[str | bytes | None] = set()
        self.delay_s = 0.0
        self.refusal: tuple[StatusCode, str] | None = None
        self.applies_in_time = True
        self.port = 0
        self._answering = asyncio.Event()
        self._answering.set()
        self._server: grpc_aio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, certificate: tuple[bytes, bytes] | None = None) -> None:
        """Serve, again on the same port after a stop; `certificate` is (key, chain) in PEM for TLS."""
        server = self._server = grpc_aio.server(interceptors=[_Mood(self)])
        grpc.add_QdrantServicer_to_server(_Root(self), server)  # type: ignore[no-untyped-call]
        grpc.add_CollectionsServicer_to_server(_Collections(self), server)  # type: ignore[no-untyped-call]
        grpc.add_PointsServicer_to_server(_Points(self), server)  # type: ignore[no-untyped-call]
        address = f"127.0.0.1:{self.port}"
        if certificate is None:
            self.port = server.add_insecure_port(address)
        else:
            self.port = server.add_secure_port(address, _credentials(certificate))
        await server.start()

    async def stop(self) -> None:
        """Go away; calls under way break off."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(grace=None)

    def hang(self) -> None:
        """Take calls and never answer."""
        self._answering.clear()

    def answer_again(self) -> None:
        """Answer, also the calls that were left hanging."""
        self._answering.set()

    def result(self, request: Any) -> grpc.UpdateResult:
        """What the server says of a write: only one that was waited for is known to be applied."""
        if not request.wait:
            return grpc.UpdateResult(status=grpc.UpdateStatus.Acknowledged)
        return COMPLETED if self.applies_in_time else grpc.UpdateResult(status=grpc.UpdateStatus.WaitTimeout)

    async def let_pass(self, method: str, metadata: dict[str, str | bytes]) -> tuple[StatusCode, str] | None:
        """Count a call and hold it as long as the mood asks; returns the refusal."""
        self.calls[method] += 1
        self.keys_seen.add(metadata.get("api-key"))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await self._answering.wait()
        return self.refusal


class _Mood(grpc_aio.ServerInterceptor):  # type: ignore[misc]
    def __init__(self, stub: QdrantStub) -> None:
        self._stub = stub

    async def intercept_service(self, continuation: Continuation, call: Any) -> RpcMethodHandler:
        refusal = await self._stub.let_pass(call.method.rpartition("/")[2], dict(call.invocation_metadata))
        handler = await continuation(call)
        return handler if refusal is None else _refusing(handler, *refusal)


def _refusing(handler: Any, code: StatusCode, details: str) -> RpcMethodHandler:
    # With the time after which to come again the client raises an error of another kind.
    hints = (("retry-after", "1"),) if code is StatusCode.RESOURCE_EXHAUSTED else ()

    async def refuse(request: Any, context: Any) -> None:
        await context.abort(code, details, hints)

    return handler._replace(unary_unary=refuse)


class _Root(grpc.QdrantServicer):
    def __init__(self, stub: QdrantStub) -> None:
        self._stub = stub

    async def HealthCheck(self, request: Any, context: Any) -> grpc.HealthCheckReply:  # noqa: N802
        return grpc.HealthCheckReply(title="stub", version=self._stub.version)


class _Collections(grpc.CollectionsServicer):
    def __init__(self, stub: QdrantStub) -> None:
        self._stub = stub

    async def CollectionExists(self, request: Any, context: Any) -> grpc.CollectionExistsResponse:  # noqa: N802
        exists = self._stub.local.collection_exists(request.collection_name)
        return grpc.CollectionExistsResponse(result=grpc.CollectionExists(exists=exists))

    async def Create(self, request: Any, context: Any) -> grpc.CollectionOperationResponse:  # noqa: N802
        if self._stub.local.collection_exists(request.collection_name):
            await context.abort(StatusCode.ALREADY_EXISTS, f"Collection `{request.collection_name}` already exists!")
        self._stub.local.create_collection(
            request.collection_name,
            vectors_config=GrpcToRest.convert_vectors_config(request.vectors_config),
            sparse_vectors_config=GrpcToRest.convert_sparse_vector_config(request.sparse_vectors_config),
        )
        return grpc.CollectionOperationResponse(result=True)

    async def Get(self, request: Any, context: Any) -> grpc.GetCollectionInfoResponse:  # noqa: N802
        info = RestToGrpc.convert_collection_info(self._stub.local.get_collection(request.collection_name))
        for name, schema in self._stub.fields.get(request.collection_name, {}).items():
            info.payload_schema[name].CopyFrom(schema)
        return grpc.GetCollectionInfoResponse(result=info)

    async def Delete(self, request: Any, context: Any) -> grpc.CollectionOperationResponse:  # noqa: N802
        return grpc.CollectionOperationResponse(result=self._stub.local.delete_collection(request.collection_name))


class _Points(grpc.PointsServicer):
    def __init__(self, stub: QdrantStub) -> None:
        self._stub = stub
        self._local = stub.local

    async def CreateFieldIndex(self, request: Any, context: Any) -> grpc.PointsOperationResponse:  # noqa: N802
        data_type: Any = grpc_field_type_to_payload_schema(request.field_type)
        self._stub.fields.setdefault(request.collection_name, {})[request.field_name] = grpc.PayloadSchemaInfo(
            data_type=data_type
        )
        return grpc.PointsOperationResponse(result=COMPLETED)

    async def Upsert(self, request: Any, context: Any) -> grpc.PointsOperationResponse:  # noqa: N802
        points = [GrpcToRest.convert_point_struct(point) for point in request.points]
        await _done(context, lambda: self._local.upsert(request.collection_name, points))
        return grpc.PointsOperationResponse(result=self._stub.result(request))

    async def Delete(self, request: Any, context: Any) -> grpc.PointsOperationResponse:  # noqa: N802
        points = GrpcToRest.convert_points_selector(request.points)
        await _done(context, lambda: self._local.delete(request.collection_name, points))
        return grpc.PointsOperationResponse(result=self._stub.result(request))

    async def Get(self, request: Any, context: Any) -> grpc.GetResponse:  # noqa: N802
        records = await _done(
            context,
            lambda: self._local.retrieve(
                request.collection_name,
                [GrpcToRest.convert_point_id(point_id) for point_id in request.ids],
                GrpcToRest.convert_with_payload_selector(request.with_payload),
                GrpcToRest.convert_with_vectors_selector(request.with_vectors),
            ),
        )
        return grpc.GetResponse(result=[_record(record) for record in records])

    async def QueryBatch(self, request: Any, context: Any) -> grpc.QueryBatchResponse:  # noqa: N802
        queries = [GrpcToRest.convert_query_points(query) for query in request.query_points]
        answers = await _done(context, lambda: self._local.query_batch_points(request.collection_name, queries))
        batches = [[RestToGrpc.convert_scored_point(point) for point in answer.points] for answer in answers]
        return grpc.QueryBatchResponse(result=[grpc.BatchResult(result=points) for points in batches])

    async def Scroll(self, request: Any, context: Any) -> grpc.ScrollResponse:  # noqa: N802
        records, following = self._local.scroll(
            request.collection_name,
            limit=request.limit,
            offset=GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None,
            with_payload=GrpcToRest.convert_with_payload_selector(request.with_payload),
        )
        return grpc.ScrollResponse(
            next_page_offset=None if following is None else RestToGrpc.convert_extended_point_id(following),
            result=[_record(record) for record in records],
        )


def _record(record: models.Record) -> grpc.RetrievedPoint:
    return RestToGrpc.convert_record(record.model_copy(update={"payload": record.payload or {}}))


async def _done(context: Any, work: Callable[[], Any]) -> Any:
    """The work's result, or its failure as the server's status."""
    try:
        return work()
    except KeyError as missing:
        await context.abort(StatusCode.NOT_FOUND, f"No point with id {missing} found")
    except ValueError as error:
        if re.fullmatch("Collection .* not found", str(error)):
            await context.abort(StatusCode.NOT_FOUND, f"Not found: {error}")
        await context.abort(StatusCode.INVALID_ARGUMENT, str(error))


def _credentials(certificate: tuple[bytes, bytes]) -> ServerCredentials:
    return ssl_server_credentials([certificate])
