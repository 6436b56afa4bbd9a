"""The bounded sets of codes that appear in dead letters, error replies and metric labels."""

from enum import StrEnum

from workers.errors import BadRecordError


class Reason(StrEnum):
    """Why a record was refused."""

    EMPTY_VALUE = "empty_value"
    INVALID_JSON = "invalid_json"
    NOT_PLAIN_JSON = "not_plain_json"
    """Framed by a schema registry, and no JSON inside."""
    TOO_LARGE = "too_large"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    INVALID_ID = "invalid_id"
    INVALID_TIME = "invalid_time"
    INVALID_URL = "invalid_url"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    IRRELEVANT_EVENT = "irrelevant_event"
    """An event of another system that says nothing on an item: to be counted, not repaired."""
    SEVERAL_EVENTS = "several_events"
    UNSUPPORTED_KIND = "unsupported_kind"
    WRONG_PARTITION = "wrong_partition"
    ALREADY_IDENTIFIED = "already_identified"
    TOO_MANY_HOPS = "too_many_hops"
    INVALID_MERGE = "invalid_merge"
    DELETED_ITEM = "deleted_item"
    INVALID_EVIDENCE = "invalid_evidence"
    BAD_ID = "bad_id"
    BAD_VECTOR = "bad_vector"
    BAD_PAYLOAD = "bad_payload"
    BAD_QUERY = "bad_query"
    OUTDATED = "outdated"
    PROCESSING_FAILED = "processing_failed"


def reason_of(error: Exception) -> str:
    """The code of a bad record, or `processing_failed` for anything that we did not expect."""
    return error.code if isinstance(error, BadRecordError) else Reason.PROCESSING_FAILED


class RequestFailure(StrEnum):
    """Why a request that was understood got an error reply; a bad request carries its `Reason`."""

    DEADLINE_PASSED = "deadline_passed"
    UNKNOWN_ITEM = "unknown_item"
    INVALID_PAGE = "invalid_page"
    MISSING_PROFILE = "missing_profile"
    NOT_READY = "not_ready"
    REPLY_ADDRESS_REFUSED = "reply_address_refused"
    REPLY_TOO_LARGE = "reply_too_large"
    INTERNAL_ERROR = "internal_error"


class HttpFailure(StrEnum):
    """Why something that came over HTTP never became a request."""

    INVALID_HTTP = "invalid_http"
    INVALID_BODY = "invalid_body"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
