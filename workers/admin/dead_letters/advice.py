"""What to do about a letter, by its reason: one sentence for the operator."""

from workers.records.codes import Reason

_REPAIR = "repair the producer and publish the record again; a replay of these bytes fails again"
ADVICE: dict[str, str] = {
    Reason.EMPTY_VALUE: _REPAIR,
    Reason.INVALID_JSON: _REPAIR,
    Reason.NOT_PLAIN_JSON: "Avro and Protobuf are not understood: publish plain JSON, or use the schema registry's "
    "JSON Schema serializer, whose frame is taken off",
    Reason.TOO_LARGE: _REPAIR,
    Reason.MISSING_FIELD: "the field may have another name: `tastestream schema detect`, give the worker the mapping "
    "file, then replay",
    Reason.WRONG_TYPE: _REPAIR,
    Reason.OUT_OF_RANGE: "a rating on another scale: name it in TASTESTREAM_RATING_SCALE or the mapping file, then "
    "replay; anything else: repair the producer and publish the record again",
    Reason.INVALID_ID: _REPAIR,
    Reason.INVALID_TIME: "send times with a zone, or as epoch seconds or milliseconds, and publish the record again",
    Reason.INVALID_URL: _REPAIR,
    Reason.UNKNOWN_FIELD: _REPAIR,
    Reason.UNKNOWN_EVENT_TYPE: "map the event's name in a mapping file (`tastestream schema detect`), then "
    "replay; or ignore events of that name (TASTESTREAM_IGNORED_EVENTS)",
    Reason.IRRELEVANT_EVENT: "nothing: the event says nothing on an item; filter it out before it is published",
    Reason.SEVERAL_EVENTS: "send each event as a record of its own",
    Reason.UNSUPPORTED_KIND: "replay once a version of the worker that takes such records is running",
    Reason.WRONG_PARTITION: "the record carries a header of the worker's own (tastestream.first_place) and is not "
    "where such records belong: publish it without that header; learned vectors come with `tastestream retrain`",
    Reason.ALREADY_IDENTIFIED: "an id stands for one person: give each guest an anonymous_id of its own, and a "
    "new one after a logout",
    Reason.TOO_MANY_HOPS: "identify records form a circle: erase one of the ids, then publish the record again",
    Reason.INVALID_MERGE: "a worker's own record is malformed: run a rebuild",
    Reason.DELETED_ITEM: "nothing, if the item is gone for good; else publish the whole item",
    Reason.INVALID_EVIDENCE: "a worker's own record is malformed: run a rebuild",
    Reason.BAD_ID: _REPAIR,
    Reason.BAD_VECTOR: "send vectors of TASTESTREAM_VECTOR_DIM finite numbers, and publish the item again",
    Reason.BAD_PAYLOAD: _REPAIR,
    Reason.BAD_QUERY: _REPAIR,
    Reason.OUTDATED: "nothing, if what the catalog says by now is right; else publish the item again",
    Reason.PROCESSING_FAILED: "a fault of the worker: report the stack trace, replay after an upgrade",
}
UNKNOWN = "the reason is of another version of the worker: read its changelog"


def advice_on(reason: str) -> str:
    """What to do about letters of this reason."""
    return ADVICE.get(reason, UNKNOWN)
