"""Every metric of a worker, by name; label values are bounded here, whatever clients send."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from workers.records.aliases import PERSON_TYPES
from workers.records.codes import Reason
from workers.records.experiment import DEFAULT_VARIANT
from workers.records.interaction import EventType
from workers.records.request import KINDS

OTHER = "other"
EVENT_TYPES: frozenset[str] = frozenset(get_args(EventType)) | set(PERSON_TYPES.values()) | {"merge"}
EVENT_OUTCOMES = frozenset(
    {"applied", "duplicate", "late", "parked", "dead_letter", "rerouted", "forwarded", "erased", "ignored"}
)
CATALOG_OUTCOMES = frozenset({"whole", "changed", "deleted", "repeated", "rerouted", "restated"})
REASONS: frozenset[str] = frozenset(Reason)
REQUEST_KINDS: frozenset[str] = frozenset(KINDS)

# What a worker may wait for without being at fault.
CAUSES = ("index", "kafka")
# Variants of answers with a label of their own: those of a few experiments, and all ways in which they cross.
MOST_VARIANTS = 64
# Length of the lists that the live score speaks of.
LIVE_LIST = 10

# 0.2 ms to 10 s; neighbours differ by at most 2.5, and so much may a quantile read from them be off.
LATENCY_BUCKETS_S = (
    *(0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0),
)
# Working off a backlog shows as freshness of minutes and hours.
FRESHNESS_BUCKETS_S = (*LATENCY_BUCKETS_S, 30.0, 60.0, 300.0, 1800.0, 3600.0)
# From live events to imported history.
LATENESS_BUCKETS_S = (0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0, 604_800.0, 2_592_000.0)


class StageTimer:
    """Times one `with` block into a histogram; `elapsed_s` holds the seconds afterwards."""

    __slots__ = ("_durations", "_kind", "_stage", "_started", "elapsed_s")

    def __init__(self, durations: Histogram, kind: str, stage: str) -> None:
        self._durations, self._kind, self._stage = durations, kind, stage
        self._started = self.elapsed_s = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.elapsed_s = time.perf_counter() - self._started
        outcome = "ok" if error_type is None else "error"
        self._durations.labels(self._kind, self._stage, outcome).observe(self.elapsed_s)


class Metrics:
    """The worker's metrics in `registry`: one object a registry, passed to what counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._answered: set[str] = set()
        self._judged: set[tuple[str, str]] = set()
        self._declare_events()
        self._declare_requests()
        self._declare_state()
        self._declare_learning()

    def count_events(self, event_type: str, outcome: str, count: int = 1) -> None:
        """`count` interactions of one type came to one outcome."""
        self._events.labels(_known(event_type, EVENT_TYPES), _known(outcome, EVENT_OUTCOMES)).inc(count)

    def count_catalog_records(self, outcome: str, count: int = 1) -> None:
        """`count` records of the catalog came to one outcome."""
        self._catalog_records.labels(_known(outcome, CATALOG_OUTCOMES)).inc(count)

    def set_vectors_version(self, version: int) -> None:
        """The collaborative vectors that answer, by the epoch ms of their making; 0: none."""
        self.vectors_version.set(version / 1000)

    def count_dead_letters(self, topic: str, reason: str, count: int = 1) -> None:
        """`count` records of one of our topics were refused."""
        self._dead_letters.labels(topic, _known(reason, REASONS)).inc(count)

    def count_reply(self, source: str, variant: str, degraded: bool) -> None:
        """A reply was sent from one rung of the ladder, under one variant."""
        if len(self._answered) < MOST_VARIANTS:
            self._answered.add(variant)
        known = variant if variant in self._answered else OTHER
        self._replies.labels(source, known, "true" if degraded else "false").inc()

    def stage(self, kind: str, stage: str) -> StageTimer:
        """Times one stage of one request: `with metrics.stage("for_user", "merge"):`."""
        return StageTimer(self._durations, _known(kind, REQUEST_KINDS), stage)

    def observe_request(self, kind: str, stage: str, outcome: str, seconds: float) -> None:
        """A duration that no `with` block spans, such as `total`, from the request's record to its reply."""
        self._durations.labels(_known(kind, REQUEST_KINDS), stage, outcome).observe(seconds)

    def observe_choice(self, recommender: str, rank: int, variant: str = DEFAULT_VARIANT) -> None:
        """A user chose an item that this recommender has at `rank` of its list, from 1; 0 if it has not."""
        self._judged.add((recommender, variant))
        self._choices.labels(recommender, variant).inc()
        self._hits.labels(recommender, variant).inc(1 if 0 < rank <= LIVE_LIST else 0)
        self._reciprocal_ranks.labels(recommender, variant).inc(1 / rank if rank else 0.0)

    def set_experiments(self, running: int, waiting: int, scored: Iterable[str]) -> None:
        """Experiments by what became of them; the live score of variants that are `scored` no more ends."""
        self._experiments.labels("running").set(running)
        self._experiments.labels("waiting").set(waiting)
        kept = {DEFAULT_VARIANT, *scored}
        for labels in [labels for labels in self._judged if labels[1] not in kept]:
            for metric in (self._choices, self._hits, self._reciprocal_ranks):
                metric.remove(*labels)
            self._judged.discard(labels)

    def set_rules(self, scenarios: int, refused: int) -> None:
        """Scenarios that have rules in force, and those whose newest rules were refused."""
        self._rules.set(scenarios)
        self._rules_refused.set(refused)

    def count_guidance_skipped(self, topic: str, reason: str) -> None:
        """A record of a topic that every worker follows can't be used."""
        self._guidance_skipped.labels(topic, _known(reason, REASONS)).inc()

    def set_guidance_refused(self, topic: str, keys: int) -> None:
        """Keys of such a topic whose newest record can't be used."""
        self._guidance_refused.labels(topic).set(keys)

    def set_ready(self, ready: bool) -> None:
        """Whether this worker answers: tables recovered, index open."""
        self._ready.set(int(ready))

    def set_index_up(self, up: bool) -> None:
        """Whether answers come from the index; without it they come from this process and are degraded."""
        self._index_up.set(int(up))

    def count_index_call(self, operation: str, *, searches: int = 0) -> None:
        """One call that reads the index, and the searches in it."""
        self._index_calls.labels(operation).inc()
        self._index_searches.inc(searches)

    def count_index_bytes(self, sent: int, received: int) -> None:
        """One call that read an index on a server for an answer."""
        self._index_bytes.labels("sent").inc(sent)
        self._index_bytes.labels("received").inc(received)

    def set_waiting(self, cause: str | None) -> None:
        """What keeps records from moving, None while nothing does."""
        for known in CAUSES:
            self._waiting.labels(known).set(int(known == cause))

    def set_lag(self, topic: str, partition: int, records: int) -> None:
        """Records published whose effects are not all acknowledged yet."""
        self._lag.labels(topic, str(partition)).set(records)

    def clear_lag(self) -> None:
        """Forget every lag: a partition that went to another worker must not keep its last value here."""
        self._lag.clear()

    def set_entries(self, table: str, entries: int) -> None:
        """Rows that a table holds now."""
        self._entries.labels(table).set(entries)

    def count_evictions(self, table: str, count: int = 1) -> None:
        """Entries that a table dropped at its bound."""
        self._evictions.labels(table).inc(count)

    def _declare_events(self) -> None:
        add = self.registry
        self._events = Counter("tastestream_events", "Interactions by outcome.", ["type", "outcome"], registry=add)
        self._catalog_records = Counter(
            "tastestream_catalog_records", "Catalog records by outcome.", ["outcome"], registry=add
        )
        self._dead_letters = Counter("tastestream_dead_letters", "Records refused.", ["topic", "reason"], registry=add)
        self.future_events = Counter(
            "tastestream_future_events", "Events moved back to their record's time.", registry=add
        )
        self.freshness = Histogram(
            "tastestream_event_freshness_seconds",
            "From the publication of an event until answers hold it.",
            buckets=FRESHNESS_BUCKETS_S,
            registry=add,
        )
        self.lateness = Histogram(
            "tastestream_event_lateness_seconds",
            "From an event until its publication.",
            buckets=LATENESS_BUCKETS_S,
            registry=add,
        )

    def _declare_requests(self) -> None:
        self._durations = Histogram(
            "tastestream_request_duration_seconds",
            "Time that requests spend in each stage.",
            ["kind", "stage", "outcome"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._replies = Counter(
            "tastestream_replies", "Replies sent.", ["source", "variant", "degraded"], registry=self.registry
        )

    def _declare_state(self) -> None:
        self._rules = Gauge("tastestream_rules_scenarios", "Scenarios with rules in force.", registry=self.registry)
        self._rules_refused = Gauge(
            "tastestream_rules_refused",
            "Scenarios whose newest rules were refused, while older ones stay in force.",
            registry=self.registry,
        )
        self._guidance_skipped = Counter(
            "tastestream_guidance_skipped",
            "Records of followed topics that can't be used, since the start.",
            ["topic", "reason"],
            registry=self.registry,
        )
        self._guidance_refused = Gauge(
            "tastestream_guidance_refused",
            "Keys of a followed topic whose newest record can't be used.",
            ["topic"],
            registry=self.registry,
        )
        self._ready = Gauge(
            "tastestream_ready", "1 when tables are recovered and the index is open.", registry=self.registry
        )
        self._index_up = Gauge(
            "tastestream_index_up", "1 while the index answers, 0 while answers do without it.", registry=self.registry
        )
        self._index_calls = Counter(
            "tastestream_index_calls", "Calls that read the index.", ["operation"], registry=self.registry
        )
        self._index_searches = Counter(
            "tastestream_index_searches", "Searches that the index was asked for.", registry=self.registry
        )
        self._index_bytes = Counter(
            "tastestream_index_bytes",
            "Bytes that answers sent to an index on a server, and received from it.",
            ["direction"],
            registry=self.registry,
        )
        self._waiting = Gauge(
            "tastestream_waiting",
            "1 while records wait because this is away.",
            ["cause"],
            registry=self.registry,
        )
        self._lag = Gauge(
            "tastestream_consumer_lag_records",
            "Records published whose effects are not all acknowledged yet.",
            ["topic", "partition"],
            registry=self.registry,
        )
        self.vectors_version = Gauge(
            "tastestream_item_vectors_made_timestamp_seconds",
            "When the collaborative vectors that answer were made, 0 while there are none.",
            registry=self.registry,
        )
        self._entries = Gauge("tastestream_state_entries", "Rows held.", ["table"], registry=self.registry)
        self._evictions = Counter(
            "tastestream_state_evictions", "Entries dropped at a bound.", ["table"], registry=self.registry
        )

    def _declare_learning(self) -> None:
        add, by = self.registry, ["recommender", "variant"]
        self._experiments = Gauge("tastestream_experiments", "Experiments that are defined.", ["state"], registry=add)
        self.examples = Counter("tastestream_ranker_examples", "Choices that the ranker learned from.", registry=add)
        self.ranker_returned = Gauge(
            "tastestream_ranker_returned", "Returns to the last good weights since the start.", registry=add
        )
        self.choices_dropped = Counter(
            "tastestream_live_choices_dropped", "Choices that were not judged: too many waited.", registry=add
        )
        self._choices = Counter(
            "tastestream_live_choices", "Choices that lists were judged by, before they were learned.", by, registry=add
        )
        self._hits = Counter("tastestream_live_hits", "Choices among the first ten of the list.", by, registry=add)
        self._reciprocal_ranks = Counter(
            "tastestream_live_reciprocal_rank_sum", "Sum of 1 / rank of the choices.", by, registry=add
        )


def _known(value: str, allowed: frozenset[str]) -> str:
    return value if value in allowed else OTHER
