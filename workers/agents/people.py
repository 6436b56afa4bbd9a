"""Records about persons in users' rows: a guest becomes a user, a user is described or to be forgotten (no I/O).

Effects on other rows go through Kafka, also to a row of the same partition: one way, acknowledged before the row
that accounts for it is written, and skipped by the receiver's watermark when it comes again.
"""

from collections.abc import Mapping

import orjson

from models.primitives.text import Vector
from models.state.evidence import Evidence
from models.state.forgetting import retractions
from models.state.merge import Merge
from models.state.user_state import UserState
from workers.agents.user_records import Decoded, Effects, RecordsDependencies
from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.person import Erase, Identify, Profile
from workers.users.arrivals import FORGET, MERGE, forwarded, sent_on

APPLIED, DUPLICATE, FORWARDED = "applied", "duplicate", "forwarded"


def fold_person(
    decoded: Decoded, user: UserState, vectors: Mapping[str, Vector], effects: Effects, deps: RecordsDependencies
) -> str:
    """Fold a record about the person of an open row; its outcome. Raises `BadRecordError`."""
    event = decoded.event
    if isinstance(event, Merge):
        _merge(event, decoded, user, vectors, effects, deps)
    elif isinstance(event, Erase):
        _erase(event, decoded, user, effects, deps)
    elif isinstance(event, Identify) and decoded.subject == event.anonymous_id:
        _identify(event, decoded, user, effects, deps)
    elif isinstance(event, Profile):
        _describe(event, decoded, user)
    return APPLIED


def fold_sealed(decoded: Decoded, user: UserState, effects: Effects, deps: RecordsDependencies) -> str:
    """What comes for a guest who is known to be a user goes on to the user; the outcome. Raises `BadRecordError`.

    An order to forget clears this row, too, unless it is older than the `identify`.
    """
    event, user_id = decoded.event, user.identity.user_id
    if isinstance(event, Identify) and decoded.subject == event.anonymous_id:
        if event.user_id != user_id:
            raise _already_identified(decoded.subject, user_id)
        if not event.attributes and event.preferred_categories is None:
            return DUPLICATE
    if not _is_of_the_user(decoded):
        effects.send_on(forwarded(decoded.record, decoded.arrival, user_id), user_id, deps)
    if isinstance(event, Erase):
        user.forget(event.event_time, deps.settings.user_partitions)
    return FORWARDED


def _is_of_the_user(decoded: Decoded) -> bool:
    """Whether the user sent this order to forget to the guests who were merged."""
    return decoded.arrival.forwarding is not None and decoded.arrival.forwarding.kind == FORGET


def _identify(event: Identify, decoded: Decoded, guest: UserState, effects: Effects, deps: RecordsDependencies) -> None:
    if event.user_id in dict(guest.identity.guests):
        raise _already_identified(event.user_id, decoded.subject)
    _describe(event, decoded, guest)
    merge = Merge(decoded.subject, event.event_time, guest.seal(event.user_id, event.event_time))
    record = sent_on(decoded.record, decoded.arrival, merge.pack(), event.user_id, MERGE)
    effects.send_on(record, event.user_id, deps)


def _merge(
    merge: Merge,
    decoded: Decoded,
    user: UserState,
    vectors: Mapping[str, Vector],
    effects: Effects,
    deps: RecordsDependencies,
) -> None:
    partitions = deps.settings.user_partitions
    pieces, guests = user.merge(merge.guest(), merge.guest_id, merge.time_ms, vectors, partitions)
    _take_back(pieces, decoded, effects, deps)
    _pass_on(guests, user.identity.erased_ms, decoded, effects, deps)


def _erase(event: Erase, decoded: Decoded, user: UserState, effects: Effects, deps: RecordsDependencies) -> None:
    pieces, guests = user.forget(event.event_time, deps.settings.user_partitions)
    _take_back(pieces, decoded, effects, deps)
    _pass_on(guests, event.event_time, decoded, effects, deps)


def _describe(event: Profile, decoded: Decoded, user: UserState) -> None:
    moment = (event.event_time, *decoded.arrival.first)
    user.profile.learn(moment, event.attributes, event.preferred_categories)


def _take_back(pieces: list[Evidence], decoded: Decoded, effects: Effects, deps: RecordsDependencies) -> None:
    for retraction in retractions(pieces, decoded.arrival.origin):
        effects.emit_evidence(retraction.item_id, retraction.pack(), deps)


def _pass_on(guests: list[str], until_ms: int, decoded: Decoded, effects: Effects, deps: RecordsDependencies) -> None:
    """The order to forget, for the rows of guests that were merged into this user."""
    for guest_id in guests:
        order = orjson.dumps({"event_type": "erase", "user_id": guest_id, "event_time": until_ms})
        effects.send_on(sent_on(decoded.record, decoded.arrival, order, guest_id, FORGET), guest_id, deps)


def _already_identified(guest_id: str, user_id: str) -> BadRecordError:
    return BadRecordError(
        Reason.ALREADY_IDENTIFIED,
        f"{guest_id[:64]!r} is {user_id[:64]!r} already: an id stands for one person, use a new anonymous_id",
    )
