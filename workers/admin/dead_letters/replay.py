"""What a replay sends, and which letters can't be replayed (no I/O)."""

from workers.admin.dead_letters.letter import Letter
from workers.dead_letters.origin import ORIGIN_HEADER
from workers.dead_letters.writer import ATTEMPT_HEADER
from workers.records.headers import header_text
from workers.records.out import OutRecord
from workers.topics import Topics
from workers.users.arrivals import KIND_HEADER, OUR_HEADERS


def why_not(letter: Letter, topics: Topics) -> str:
    """Why this letter is never replayed; empty if it may be."""
    if letter.omitted_bytes is not None:
        return "the content was too large for a letter: it is still in its own topic"
    if letter.position.topic == topics.recommendation_requests:
        return "no client waits for the reply any more: ask again"
    if letter.position.topic == topics.recommendation_rules:
        return "newer rules may be in force by now: repair the file and use `tastestream rules put`"
    if letter.position.topic == topics.item_transitions:
        return "evidence is the workers' own: a rebuild recreates it"
    if letter.position.topic == topics.experiments:
        return "put the definition again: `tastestream experiment put FILE`"
    if letter.position.topic == topics.item_vectors:
        return "vectors are the workers' own: run `tastestream retrain`"
    if header_text(letter.headers, KIND_HEADER) and letter.position.topic == topics.interactions_rerouted:
        return "a message between rows of users is the workers' own: publish identify or erase again"
    if target_topic(letter, topics) is None:
        return f"the topic {letter.position.topic} is none that workers of this prefix read"
    return ""


def target_topic(letter: Letter, topics: Topics) -> str | None:
    """Where the record is published again: clients' topics only, what was forwarded enters again."""
    own = {
        topics.item_catalog: topics.item_catalog,
        topics.user_interactions: topics.user_interactions,
        topics.interactions_rerouted: topics.user_interactions,
    }
    return own.get(letter.position.topic)


def replayed(letter: Letter) -> OutRecord:
    """Key, value, headers and time as they were, and by what it is recognised when it comes twice."""
    headers = tuple((name, content) for name, content in letter.headers if name not in OUR_HEADERS)
    ours = ((ATTEMPT_HEADER, b"%d" % letter.attempt), (ORIGIN_HEADER, str(letter.origin).encode()))
    return OutRecord(letter.key, letter.value, (*headers, *ours), letter.time_ms)


def target_partition(letter: Letter, topics: Topics) -> int | None:
    """None leaves it to the key by murmur2: that is where a record in a foreign partition belongs.

    Without a key a record goes to where it was, for the worker to forward.
    """
    if letter.key is not None:
        return None
    return letter.position.partition if letter.position.topic == target_topic(letter, topics) else 0
