"""Builds what a worker's agents share: tables, index, models, answers."""

from dataclasses import replace

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from models.ranking.budget import Budget
from models.ranking.fusion import FixedFusion, Fusion, LearningFusion
from models.ranking.ranker import OnlineRanker
from models.state import user_state
from models.state.user_state import UserState
from workers.control.active_version import ActiveVersion
from workers.control.learner import Learner
from workers.control.running import Running
from workers.index.build import build_index
from workers.index.counted import CountedIndex
from workers.indexing.audit import IndexAudit
from workers.indexing.service import index_service
from workers.indexing.vocabulary import Vocabulary
from workers.indexing.writer import IndexWriter
from workers.items.following import ItemFollower
from workers.items.items import Items
from workers.items.points import ItemPoints
from workers.items.room import CountsRoom
from workers.items.snapshots import Snapshots
from workers.metrics import Metrics
from workers.recommend.controls import Controls, RuleBook
from workers.recommend.pipeline import Pipeline
from workers.recommend.precomputed import PrecomputedPipeline, ReadyLists
from workers.recommend.replies import ReplySender
from workers.recommend.search import SearchedIndex
from workers.runtime.dependencies import Dependencies
from workers.runtime.source_mapping import mappings_of
from workers.scheduling import Scheduler
from workers.settings import Settings
from workers.stream.connect import ClientOptions
from workers.stream.table import Table
from workers.stream.writer import Writer
from workers.topics import Topics
from workers.users.progress import Progress

# An index that others write to, and that an operator may restore, is compared with our rows so often: at 100,000
# items that takes a hundredth of a core.
SHARED_AUDIT_S = 300.0

# Users' rows of a partition that stay unpacked between chunks, at some 3 KB each instead of 0.6: who is here now, whose
# next event or question comes in a moment. Each other row costs 20 µs more when it is asked for; more take memory.
MOST_OPEN_USERS = 512


def build_dependencies(settings: Settings, options: ClientOptions, writer: Writer | None = None) -> Dependencies:
    """What the agents share, in the order in which one needs the other; `writer`: another one than the settings'."""
    topics = Topics(settings.topic_prefix)
    metrics = Metrics(_registry())
    scheduler = Scheduler()
    writer = writer or Writer(
        options,
        owner=settings.app_id,
        patience_s=settings.patience_s,
        codec=settings.compression,
        uncompressed=[topics.dead_letters],
    )
    points = ItemPoints(settings.vector_dim, settings.collaborative_dim)
    items = Items(
        topics.item_state_changelog,
        topics.item_counts_changelog,
        settings.vector_dim,
        points.embed,
        settings.item_partitions,
        scheduler,
    )
    indexes = build_index(settings, metrics.count_index_bytes)
    shared = indexes.server is not None
    vocabulary = Vocabulary()
    # A server's index holds what the owners of all partitions write, an embedded one all that this worker has at hand.
    indexed = (lambda: items.entries.partitions) if shared else items.all_entries
    index_writer = IndexWriter(
        indexes.writes, items, indexed, points, vocabulary, scheduler, slice_items=indexes.slice_items
    )
    audit_s = SHARED_AUDIT_S if shared else None
    audit = IndexAudit(indexes.writes, items, indexed, points, index_writer, vocabulary, scheduler, every_s=audit_s)
    service = index_service(indexes, points.schema, audit.repeat)
    share = settings.similar_share
    fusion = OnlineRanker(similar_share=share) if settings.ranker == "online" else FixedFusion(share)
    rules = RuleBook(Controls(diversity=settings.diversity, explore=settings.explore))
    active = ActiveVersion(metrics)
    searched = SearchedIndex(
        CountedIndex(indexes.answers, metrics),
        vocabulary.words.idf_of,
        lambda: active.space,
        settings.collaborative_dim,
        lambda: service.away or audit.behind,
        settings.compared_items,
    )
    pipeline = Pipeline(items, searched, fusion, metrics, rules.of)
    experiments = Running(settings.ranker)
    return Dependencies(
        settings=settings,
        topics=topics,
        mappings=mappings_of(settings),
        metrics=metrics,
        scheduler=scheduler,
        progress=Progress(),
        users=users_table(topics.user_state_changelog),
        items=items,
        points=points,
        index=indexes.answers,
        index_waits=indexes.waits,
        index_service=service,
        vocabulary=vocabulary,
        index_writer=index_writer,
        index_audit=audit,
        snapshots=Snapshots(
            items.counts, writer, scheduler, every_s=settings.snapshot_s, topic=topics.item_transitions
        ),
        counts_room=CountsRoom(items, settings, writer, topics.item_transitions),
        item_follower=ItemFollower(
            items,
            options,
            topics.item_transitions,
            settings.app_id,
            scheduler,
            on_entry=lambda item_id: index_writer.push([item_id]),
            on_partition=audit.look,
            item_partitions=settings.item_partitions,
            patience_s=settings.patience_s,
        ),
        writer=writer,
        replies=ReplySender(options, patience_s=settings.patience_s),
        active_vectors=active,
        fusion=fusion,
        rules=rules,
        pipeline=pipeline,
        experiments=experiments,
        learner=_learner(settings, pipeline, fusion, metrics, experiments),
    )


def with_lists(deps: Dependencies, lists: ReadyLists) -> Dependencies:
    """The same dependencies, where requests may ask for lists that were computed before."""
    active = deps.active_vectors
    ready = PrecomputedPipeline(deps.pipeline, lists, deps.items, lambda: active.version, deps.rules.of, deps.metrics)
    return replace(deps, pipeline=ready)


def users_table(changelog: str) -> Table[UserState]:
    """The rows of users, as a worker keeps them."""
    return Table(
        changelog,
        lambda user_id, packed: UserState.unpack(packed),
        lambda user_id: UserState(),
        kind=user_state.KIND,
        version=user_state.VERSION,
        most_open=MOST_OPEN_USERS,
    )


def _learner(
    settings: Settings, pipeline: Pipeline, fusion: Fusion, metrics: Metrics, experiments: Running
) -> Learner | None:
    if not isinstance(fusion, LearningFusion) or settings.learn_per_s == 0:
        return None
    return Learner(pipeline, fusion, Budget(settings.learn_per_s, settings.learn_cpu_share), metrics, experiments)


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry
