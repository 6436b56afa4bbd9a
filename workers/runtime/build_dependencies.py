"""Builds what a worker's agents share: tables, index, models, answers."""

from dataclasses import replace

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from models.ranking.budget import Budget
from models.ranking.fusion import FixedFusion, Fusion, LearningFusion
from models.ranking.ranker import OnlineRanker
from models.state.user_state import UserState
from workers.control.active_version import ActiveVersion
from workers.control.learner import Learner
from workers.control.running import Running
from workers.index.build import build_index
from workers.index.counted import CountedIndex
from workers.index.port import Lookup
from workers.indexing.audit import IndexAudit
from workers.indexing.service import index_service
from workers.indexing.vocabulary import Vocabulary
from workers.indexing.writer import IndexWriter
from workers.items.facts import ItemFacts
from workers.items.fold_vectors import VectorsAtHand
from workers.items.points import ItemPoints
from workers.items.rows import ItemRow, is_uncataloged
from workers.items.vectors import SHARED_KEPT_S, ItemVectors
from workers.metrics import Metrics
from workers.recommend.controls import Controls, RuleBook
from workers.recommend.fallback import Elsewhere, FallbackPipeline
from workers.recommend.pipeline import Pipeline
from workers.recommend.precomputed import PrecomputedPipeline, ReadyLists
from workers.recommend.replies import ReplySender
from workers.recommend.shelf import Shelf
from workers.runtime.dependencies import Dependencies
from workers.runtime.source_mapping import mappings_of
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.connect import ClientOptions
from workers.stream.table import Row, Table
from workers.stream.writer import Writer
from workers.topics import Topics
from workers.users.progress import Progress

# An index that others write to, and that an operator may restore, is compared with our rows so often: at 100,000
# items that takes a hundredth of a core.
SHARED_AUDIT_S = 300.0

# Users' rows of a partition that stay unpacked between chunks, at some 3 KB each instead of 0.6: who is here now, whose
# next event or question comes in a moment. Each other row costs 20 µs more when it is asked for; more take memory.
MOST_OPEN_USERS = 128


def build_dependencies(settings: Settings, options: ClientOptions) -> Dependencies:
    """What the agents share, in the order in which one needs the other."""
    topics = Topics(settings.topic_prefix)
    metrics = Metrics(_registry())
    scheduler = Scheduler()
    items = Table(
        topics.item_state_changelog, ItemRow.unpack, ItemRow, kind=_kind(ItemRow()), is_expendable=is_uncataloged
    )
    points = ItemPoints(settings.vector_dim, settings.collaborative_dim)
    indexes = build_index(settings)
    answers = CountedIndex(indexes.answers, metrics)
    shared = indexes.server is not None
    vocabulary = Vocabulary(settings.vector_dim)
    vectors = ItemVectors(
        answers,
        settings.vector_dim,
        on_evict=lambda: metrics.count_evictions("vectors"),
        kept_s=SHARED_KEPT_S if shared else None,
    )
    index_writer = IndexWriter(
        indexes.writes,
        items,
        points,
        vocabulary,
        vectors,
        scheduler,
        delay_s=settings.index_delay_s,
        slice_items=indexes.slice_items,
    )
    audit_s = SHARED_AUDIT_S if shared else None
    audit = IndexAudit(indexes.writes, items, points, index_writer, vocabulary, scheduler, every_s=audit_s)
    facts = ItemFacts(items, answers, settings.item_partitions, shared=shared)
    share = settings.similar_share
    fusion = OnlineRanker(similar_share=share) if settings.ranker == "online" else FixedFusion(share)
    rules = RuleBook(Controls(diversity=settings.diversity, explore=settings.explore))
    active = ActiveVersion(metrics)
    pipeline = Pipeline(answers, facts, vectors, vocabulary, fusion, metrics, rules.of, lambda: active.space)
    experiments = Running(settings.ranker)
    deps = Dependencies(
        settings=settings,
        topics=topics,
        mappings=mappings_of(settings),
        metrics=metrics,
        scheduler=scheduler,
        progress=Progress(),
        users=Table(
            topics.user_state_changelog,
            UserState.unpack,
            UserState,
            kind=_kind(UserState()),
            most_open=MOST_OPEN_USERS,
        ),
        items=items,
        points=points,
        index=indexes.answers,
        index_waits=indexes.waits,
        index_service=index_service(indexes, points.schema, audit.repeat),
        vocabulary=vocabulary,
        index_writer=index_writer,
        index_audit=audit,
        shelf=None,
        vectors=vectors,
        writer=Writer(
            options,
            owner=settings.app_id,
            patience_s=settings.patience_s,
            codec=settings.compression,
            uncompressed=[topics.dead_letters],
        ),
        replies=ReplySender(options, patience_s=settings.patience_s),
        active_vectors=active,
        fusion=fusion,
        rules=rules,
        pipeline=pipeline,
        experiments=experiments,
        learner=_learner(settings, pipeline, fusion, metrics, experiments),
    )
    return for_shared_index(deps, vectors, indexes.ingest) if shared else deps


def for_shared_index(deps: Dependencies, vectors: ItemVectors, ingest: Lookup) -> Dependencies:
    """The same dependencies where the index may be away: folding and answers then go on from our own rows."""
    settings, items, service = deps.settings, deps.items, deps.index_service
    count = settings.item_partitions

    def away() -> bool:
        # Until it is compared with our rows, an index that came back may lack items, or show removed ones.
        return service.away or deps.index_audit.behind

    shelf = Shelf(items, deps.points, deps.scheduler, settings.vector_dim, count, away)
    facts = ItemFacts(items, Elsewhere(), count, shared=True)
    known = (deps.vocabulary, deps.fusion, deps.metrics, deps.rules.of)
    without = Pipeline(shelf.index, facts, shelf.vectors, *known, lambda: deps.active_vectors.space)
    return replace(
        deps,
        vectors=VectorsAtHand(vectors, ingest, items, deps.points, count),
        shelf=shelf,
        pipeline=FallbackPipeline(deps.pipeline, without, away),
    )


def with_lists(deps: Dependencies, lists: ReadyLists) -> Dependencies:
    """The same dependencies, where requests may ask for lists that were computed before."""
    settings = deps.settings
    shared = settings.index_kind == "server"
    facts = ItemFacts(deps.items, deps.index, settings.item_partitions, shared=shared)
    active = deps.active_vectors
    ready = PrecomputedPipeline(deps.pipeline, lists, facts, lambda: active.version, deps.rules.of, deps.metrics)
    return replace(deps, pipeline=ready)


def _learner(
    settings: Settings, pipeline: Pipeline, fusion: Fusion, metrics: Metrics, experiments: Running
) -> Learner | None:
    if not isinstance(fusion, LearningFusion) or settings.learn_per_s == 0:
        return None
    return Learner(pipeline, fusion, Budget(settings.learn_per_s, settings.learn_cpu_share), metrics, experiments)


def _kind(row: Row) -> bytes:
    """First byte of a packed row: its version, the second, may be an older one."""
    return row.pack()[:1]


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry
