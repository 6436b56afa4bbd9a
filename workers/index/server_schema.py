"""The collection on a Qdrant server (I/O): created once, checked at every start, its payload fields indexed."""

import json
from typing import Any

from qdrant_client import grpc

from workers.errors import ConfigurationError, TasteStreamError
from workers.index.server_link import ServerLink
from workers.index.types import Distance, FieldKind, Schema
from workers.settings import PREFIX

_DISTANCES = {Distance.COSINE: grpc.Distance.Cosine, Distance.DOT: grpc.Distance.Dot}
_FIELD_TYPES = {
    FieldKind.KEYWORD: (grpc.FieldType.FieldTypeKeyword, grpc.PayloadSchemaType.Keyword),
    FieldKind.FLOAT: (grpc.FieldType.FieldTypeFloat, grpc.PayloadSchemaType.Float),
    FieldKind.INTEGER: (grpc.FieldType.FieldTypeInteger, grpc.PayloadSchemaType.Integer),
    FieldKind.BOOL: (grpc.FieldType.FieldTypeInteger, grpc.PayloadSchemaType.Integer),
    FieldKind.DATETIME: (grpc.FieldType.FieldTypeInteger, grpc.PayloadSchemaType.Integer),
}


async def open_collection(link: ServerLink, schema: Schema) -> None:
    """Create the collection if it is absent; ConfigurationError if it lacks vectors, or has other ones by their names.

    One that exists may be sharded, replicated and tuned as its owner likes, and may know more vectors and fields, as
    those of older versions do: they stay empty. Missing field indexes are added.
    """
    if not await collection_exists(link):
        try:
            await link.write("creating the collection", link.collections.Create, _collection(link.collection, schema))
        except TasteStreamError:
            # Workers that start together all find it missing; one of them creates it.
            if not await collection_exists(link):
                raise
    request = grpc.GetCollectionInfoRequest(collection_name=link.collection)
    info = (await link.write("reading the collection", link.collections.Get, request)).result
    _check_vectors(link, info.config.params, schema)
    await _index_fields(link, info.payload_schema, schema)


async def collection_exists(link: ServerLink) -> bool:
    """Whether the server has it."""
    request = grpc.CollectionExistsRequest(collection_name=link.collection)
    reply = await link.write("looking for the collection", link.collections.CollectionExists, request)
    return bool(reply.result.exists)


def _collection(name: str, schema: Schema) -> grpc.CreateCollection:
    dense = {
        vector: grpc.VectorParams(size=spec.dim, distance=_DISTANCES[spec.distance])
        for vector, spec in schema.dense.items()
    }
    sparse = {vector: grpc.SparseVectorParams() for vector in schema.sparse}
    return grpc.CreateCollection(
        collection_name=name,
        vectors_config=grpc.VectorsConfig(params_map=grpc.VectorParamsMap(map=dense)),
        sparse_vectors_config=grpc.SparseVectorConfig(map=sparse),
    )


def _check_vectors(link: ServerLink, params: Any, schema: Schema) -> None:
    wanted = {kind: schema.as_json()[kind] for kind in ("dense", "sparse")}
    held = params.vectors_config.params_map.map
    dense = {name: [held[name].size, grpc.Distance.Name(held[name].distance).lower()] for name in sorted(held)}
    sparse = sorted(params.sparse_vectors_config.map)
    if {name: dense.get(name) for name in schema.dense} == wanted["dense"] and set(schema.sparse) <= set(sparse):
        return
    raise ConfigurationError(
        f"collection {link.collection!r} of {link.name} holds {json.dumps({'dense': dense, 'sparse': sparse})}, but "
        f"wanted is {json.dumps(wanted)}: run `tastestream index drop` once no worker uses it, workers then fill a new "
        f"one by themselves; or set {PREFIX}QDRANT_COLLECTION to another name"
    )


async def _index_fields(link: ServerLink, indexed: Any, schema: Schema) -> None:
    for name, kind in schema.fields.items():
        field_type, schema_type = _FIELD_TYPES[kind]
        if name not in indexed:
            request = grpc.CreateFieldIndexCollection(
                collection_name=link.collection, field_name=name, field_type=field_type, wait=True
            )
            await link.write(f"indexing the field {name!r}", link.points.CreateFieldIndex, request)
        elif indexed[name].data_type != schema_type:
            raise ConfigurationError(
                f"collection {link.collection!r} of {link.name} indexes the field {name!r} as "
                f"{grpc.PayloadSchemaType.Name(indexed[name].data_type)}, not as {kind.value}: delete that index"
            )
