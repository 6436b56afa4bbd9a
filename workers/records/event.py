"""Any record of `user-interactions`: what a user did, or what is known of a person."""

from workers.records.aliases import EVENT_TYPES, PERSON_TYPES, looked_up
from workers.records.body import event_fields
from workers.records.cloud_events import Headers
from workers.records.interaction import DEFAULT_FUTURE_TOLERANCE_MS, Interaction, interaction_of
from workers.records.mapping import AS_THEY_ARE, Mapping
from workers.records.person import Erase, Identify, Profile, person_of

UserEvent = Interaction | Identify | Erase | Profile


def decode_event(
    value: bytes | None,
    key: bytes | None,
    record_time_ms: int,
    future_tolerance_ms: int = DEFAULT_FUTURE_TOLERANCE_MS,
    headers: Headers = (),
    mapping: Mapping = AS_THEY_ARE,
) -> UserEvent:
    """The record, or `BadRecordError`; times and keys as in `decode_interaction`."""
    fields = event_fields(value, headers, mapping)
    named = fields.get("event_type")
    if not isinstance(named, str) or named in EVENT_TYPES or (kind := PERSON_TYPES.get(looked_up(named))) is None:
        return interaction_of(fields, key, record_time_ms, future_tolerance_ms, mapping)
    return person_of(kind, fields, key, record_time_ms, future_tolerance_ms)
