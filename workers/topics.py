"""The one file that spells topic names, and what each topic must look like. Pure; see `topic_admin`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIB = 1024 * 1024

LETTERS_KEPT_MS = 30 * DAY_MS
SERVED_KEPT_MS = 30 * DAY_MS
MAX_PARTITIONS = 64  # every item row holds one watermark per user partition
MAX_LETTER_BYTES = 4 * MIB  # original bytes plus our headers: more than any input topic takes by default

_LEGAL_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic must be; `fixed` partition counts are checked, others are only used to create it."""

    name: str
    partitions: int
    cleanup: str
    config: Mapping[str, str] = field(default_factory=dict)
    fixed: bool = True


@dataclass(frozen=True, slots=True)
class TopicView:
    """A topic as it is: `partitions` is 0 where it is missing, `problems` say how it contradicts its spec."""

    spec: TopicSpec
    partitions: int = 0
    cleanup: str = ""
    problems: tuple[str, ...] = ()

    @property
    def missing(self) -> bool:
        """Whether Kafka does not have it."""
        return self.partitions == 0


@dataclass(frozen=True, slots=True)
class Topics:
    """Every topic's name under one prefix."""

    prefix: str = ""

    @property
    def item_catalog(self) -> str:
        return self.prefix + "item-catalog"

    @property
    def user_interactions(self) -> str:
        return self.prefix + "user-interactions"

    @property
    def recommendation_requests(self) -> str:
        return self.prefix + "recommendation-requests"

    @property
    def recommendation_replies(self) -> str:
        return self.prefix + "recommendation-replies"

    @property
    def recommendations_served(self) -> str:
        return self.prefix + "recommendations-served"

    @property
    def item_transitions(self) -> str:
        return self.prefix + "item-transitions"

    @property
    def interactions_rerouted(self) -> str:
        return self.prefix + "interactions-rerouted"

    @property
    def ranker_weights(self) -> str:
        return self.prefix + "ranker-weights"

    @property
    def experiments(self) -> str:
        return self.prefix + "experiments"

    @property
    def recommendation_rules(self) -> str:
        return self.prefix + "recommendation-rules"

    @property
    def item_vectors(self) -> str:
        return self.prefix + "item-vectors"

    @property
    def item_vectors_versions(self) -> str:
        return self.prefix + "item-vectors-versions"

    @property
    def dead_letters(self) -> str:
        return self.prefix + "dead-letters"

    @property
    def dead_letters_replayed(self) -> str:
        return self.prefix + "dead-letters-replayed"

    @property
    def user_state_changelog(self) -> str:
        return self.prefix + "user-state-changelog"

    @property
    def item_state_changelog(self) -> str:
        return self.prefix + "item-state-changelog"

    @property
    def item_counts_changelog(self) -> str:
        return self.prefix + "item-counts-changelog"

    def may_reply_to(self, name: str) -> bool:
        """Whether a client may name this topic for its replies: legal, and not one that we or Kafka read.

        >>> Topics().may_reply_to("shop-replies"), Topics().may_reply_to("user-interactions")
        (True, False)
        """
        if not is_legal_name(name) or name.startswith("__") or name.endswith("-changelog"):
            return False
        return name not in self._read_or_kept_by_us()

    def specs(self, user_partitions: int, item_partitions: int) -> tuple[TopicSpec, ...]:
        """All topics; user-keyed ones share one partition count and item-keyed ones another."""
        users, items = user_partitions, item_partitions
        return (
            TopicSpec(self.item_catalog, items, "compact", _COMPACT),
            TopicSpec(self.user_interactions, users, "delete", {"retention.ms": "-1"}),
            TopicSpec(self.recommendation_requests, users, "delete", _kept(HOUR_MS)),
            TopicSpec(self.recommendation_replies, users, "delete", _kept(HOUR_MS), fixed=False),
            TopicSpec(self.recommendations_served, users, "delete", _kept(SERVED_KEPT_MS)),
            TopicSpec(self.item_transitions, items, "delete", _kept(7 * DAY_MS)),
            TopicSpec(self.interactions_rerouted, users, "delete", _kept(7 * DAY_MS)),
            *self.letter_specs(),
            TopicSpec(self.ranker_weights, 1, "compact", _CHANGELOG),
            TopicSpec(self.experiments, 1, "compact", _EXPERIMENTS),
            TopicSpec(self.recommendation_rules, 1, "compact", _COMPACT),
            TopicSpec(self.item_vectors, items, "compact", _CHANGELOG),
            TopicSpec(self.item_vectors_versions, 1, "compact", _CHANGELOG),
            TopicSpec(self.user_state_changelog, users, "compact", _CHANGELOG),
            TopicSpec(self.item_state_changelog, items, "compact", _CHANGELOG),
            TopicSpec(self.item_counts_changelog, items, "compact", _CHANGELOG),
        )

    def letter_specs(self) -> tuple[TopicSpec, ...]:
        """Dead letters, and which of them were replayed: known for as long as the letter is kept."""
        return (
            TopicSpec(self.dead_letters, 1, "delete", _LETTERS, fixed=False),
            TopicSpec(self.dead_letters_replayed, 1, "delete", _kept(LETTERS_KEPT_MS), fixed=False),
        )

    def _read_or_kept_by_us(self) -> tuple[str, ...]:
        return (
            self.item_catalog,
            self.user_interactions,
            self.recommendation_requests,
            self.recommendations_served,
            self.item_transitions,
            self.interactions_rerouted,
            self.dead_letters,
            self.dead_letters_replayed,
            self.ranker_weights,
            self.experiments,
            self.recommendation_rules,
            self.item_vectors,
            self.item_vectors_versions,
            self.user_state_changelog,
            self.item_state_changelog,
            self.item_counts_changelog,
        )


def is_legal_name(name: str) -> bool:
    """Whether Kafka takes this as a topic's name."""
    return _LEGAL_NAME.fullmatch(name) is not None and name not in (".", "..")


def _kept(time_ms: int) -> dict[str, str]:
    """Only whole, closed segments are deleted: shorter ones let records go near their time."""
    return {"retention.ms": str(time_ms), "segment.ms": str(min(time_ms, DAY_MS))}


# Deletions stay readable for a week: a worker that was away longer must rebuild.
_COMPACT = {"delete.retention.ms": str(7 * DAY_MS)}
# Only closed segments are compacted: with the defaults (a week, 1 GiB, half dirty) a recovery would read
# every version of every row.
_CHANGELOG = {
    **_COMPACT,
    "segment.ms": str(HOUR_MS),
    "segment.bytes": str(64 * MIB),
    "min.cleanable.dirty.ratio": "0.1",
}
# What an experiment was must be known as long as its answers are kept; so long the last good definition also
# outlives a bad one of its name.
_EXPERIMENTS = {**_COMPACT, "min.compaction.lag.ms": str(SERVED_KEPT_MS)}
# By the time of writing: the letter of an old record is kept as long as any other, and one dated into the
# future is not refused by the broker.
_LETTERS = {
    **_kept(LETTERS_KEPT_MS),
    "max.message.bytes": str(MAX_LETTER_BYTES),
    "message.timestamp.type": "LogAppendTime",
}
