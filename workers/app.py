"""The composition root: the one place where a worker's parts are built and put together."""

import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from mode import Service
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from models.budget import Budget
from models.fusion import FixedFusion, Fusion, LearningFusion
from models.ranker import OnlineRanker
from models.user_state import UserState
from workers import http_api, web
from workers.agents import catalog, interactions, requests, transitions, vectors
from workers.collaborative.follow import ActiveVersion
from workers.experiments.follower import ExperimentFollower
from workers.experiments.running import Running
from workers.facts import ItemFacts
from workers.fold_vectors import VectorsAtHand
from workers.index.build import build_index
from workers.index.port import Lookup
from workers.index_audit import IndexAudit
from workers.index_service import index_service
from workers.index_writer import IndexWriter
from workers.item_points import ItemPoints
from workers.learner import Learner
from workers.log_check import LogCheck
from workers.metrics import Metrics
from workers.parts import Parts
from workers.progress import Progress
from workers.query.controls import Controls, RuleBook
from workers.query.fallback import Elsewhere, FallbackPipeline
from workers.query.pipeline import Pipeline
from workers.query.precomputed import PrecomputedPipeline, ReadyLists
from workers.query.shelf import Shelf
from workers.records.mapping import Mappings, load_mapping
from workers.replies import ReplySender
from workers.rows import ItemRow, is_spare
from workers.security import client_options
from workers.settings import Settings
from workers.shared_rules import SharedRules
from workers.shared_weights import SharedWeights
from workers.stream.chunk import Chunk
from workers.stream.connect import ClientOptions
from workers.stream.faust_app import StreamApp, new_app, new_channel
from workers.stream.member import Follower, GroupMember, MemberSettings
from workers.stream.reader import Route
from workers.stream.refusal import answers
from workers.stream.requests import RequestReader
from workers.stream.table import Row, Table
from workers.stream.writer import Writer
from workers.topics import Topics
from workers.turns import Turns
from workers.vectors import SHARED_KEPT_S, ItemVectors
from workers.vocabulary import Vocabulary
from workers.watchdog import Watchdog

Put = Callable[[Chunk], Awaitable[None]]

# Requests in one chunk, and chunks of a partition that are out at once: beyond, they wait in Kafka.
REQUEST_CHUNK, REQUEST_CHUNKS_OUT = 4, 16
# An index that others write to, and that somebody may restore, is compared with our rows so often: at 100,000
# items that takes a hundredth of a core.
SHARED_AUDIT_S = 300.0


def build(settings: Settings, *, only: Collection[str] | None = None) -> StreamApp:
    """A worker's Faust app, ready to be run; its topics must exist. `only`: the topics that it folds, else all."""
    options = client_options(settings)
    app = new_app(
        settings.app_id,
        bootstrap_servers=settings.bootstrap_servers,
        datadir=str(settings.data_path / "faust"),
        web_bind=settings.web_bind,
        web_port=settings.web_port,
    )
    lists = ReadyLists(settings.precomputed_file)
    parts = _with_lists(build_parts(settings, options), lists)
    agents = _attach_agents(app, parts)
    request_reader = _request_reader(parts, agents[parts.topics.recommendation_requests], options)
    shelf = () if parts.shelf is None else (parts.shelf,)
    followers = (parts.index_writer, *shelf, request_reader, parts.index_audit)
    member = _member(parts, agents, options, followers, only)
    # Started in this order and stopped in the opposite one: a hand-over needs everything else alive.
    below: list[Service] = [parts.index_service, parts.writer, parts.replies, parts.index_writer, parts.index_audit]
    watchdog = _watchdog(parts, options, member, request_reader)
    shared = (_shared_rules(parts, options), *_shared_weights(parts, options), _experiments(parts, options))
    followed = (*shared, parts.active_vectors, lists)
    for service in (*below, *shelf, *followed, request_reader, member, watchdog):
        app.add_service(service)
    _attach_web(app, parts, member, request_reader)
    return app


def build_parts(settings: Settings, options: ClientOptions) -> Parts:
    """What the agents share, in the order in which one needs the other."""
    topics = Topics(settings.topic_prefix)
    metrics = Metrics(_registry())
    turns = Turns()
    items = Table(topics.item_state_changelog, ItemRow.unpack, ItemRow, kind=_kind(ItemRow()), is_spare=is_spare)
    points = ItemPoints(settings.vector_dim, settings.collaborative_dim)
    indexes = build_index(settings)
    shared = indexes.server is not None
    vocabulary = Vocabulary(settings.vector_dim)
    vectors = ItemVectors(
        indexes.answers,
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
        turns,
        delay_s=settings.index_delay_s,
        slice_items=indexes.slice_items,
    )
    audit_s = SHARED_AUDIT_S if shared else None
    audit = IndexAudit(indexes.writes, items, points, index_writer, vocabulary, turns, every_s=audit_s)
    facts = ItemFacts(items, indexes.answers, settings.item_partitions)
    share = settings.similar_share
    fusion = OnlineRanker(similar_share=share) if settings.ranker == "online" else FixedFusion(share)
    rules = RuleBook(Controls(diversity=settings.diversity, explore=settings.explore))
    active = ActiveVersion(options, topics.item_vectors_versions, metrics, patience_s=settings.patience_s)
    pipeline = Pipeline(indexes.answers, facts, vectors, vocabulary, fusion, metrics, rules.of, lambda: active.space)
    experiments = Running(settings.ranker)
    parts = Parts(
        settings=settings,
        topics=topics,
        mappings=load_mapping(settings.mapping_file) if settings.mapping_file else Mappings(),
        metrics=metrics,
        turns=turns,
        progress=Progress(),
        users=Table(topics.user_state_changelog, UserState.unpack, UserState, kind=_kind(UserState())),
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
        writer=Writer(options, owner=settings.app_id, patience_s=settings.patience_s),
        replies=ReplySender(options, patience_s=settings.patience_s),
        active_vectors=active,
        fusion=fusion,
        rules=rules,
        pipeline=pipeline,
        experiments=experiments,
        learner=_learner(settings, pipeline, fusion, metrics, experiments),
    )
    return _for_shared_index(parts, vectors, indexes.ingest) if shared else parts


def _for_shared_index(parts: Parts, vectors: ItemVectors, ingest: Lookup) -> Parts:
    """The same parts where the index may be away: folding and answers then go on from our own rows."""
    settings, items, service = parts.settings, parts.items, parts.index_service
    count = settings.item_partitions

    def away() -> bool:
        # Until it is compared with our rows, an index that came back may lack items, or show removed ones.
        return service.away or parts.index_audit.behind

    shelf = Shelf(items, parts.points, parts.turns, settings.vector_dim, count, away)
    facts = ItemFacts(items, Elsewhere(), count)
    known = (parts.vocabulary, parts.fusion, parts.metrics, parts.rules.of)
    without = Pipeline(shelf.index, facts, shelf.vectors, *known, lambda: parts.active_vectors.space)
    return replace(
        parts,
        vectors=VectorsAtHand(vectors, ingest, items, parts.points, count),
        shelf=shelf,
        pipeline=FallbackPipeline(parts.pipeline, without, away),
    )


def _with_lists(parts: Parts, lists: ReadyLists) -> Parts:
    """The same parts, where requests may ask for lists that were computed before."""
    facts = ItemFacts(parts.items, parts.index, parts.settings.item_partitions)
    ready = PrecomputedPipeline(parts.pipeline, lists, facts, parts.active_vectors, parts.rules.of, parts.metrics)
    return replace(parts, pipeline=ready)


def _learner(
    settings: Settings, pipeline: Pipeline, fusion: Fusion, metrics: Metrics, experiments: Running
) -> Learner | None:
    if not isinstance(fusion, LearningFusion) or settings.learn_per_s == 0:
        return None
    return Learner(pipeline, fusion, Budget(settings.learn_per_s, settings.learn_cpu_share), metrics, experiments)


def _shared_rules(parts: Parts, options: ClientOptions) -> SharedRules:
    return SharedRules(
        parts.rules,
        parts.writer,
        options,
        parts.metrics,
        parts.topics,
        lambda: 0 in parts.users.partitions,
        group_id=f"{parts.settings.app_id}-rules",
        patience_s=parts.settings.patience_s,
    )


def _shared_weights(parts: Parts, options: ClientOptions) -> list[Service]:
    """Exchanges what the ranker learns with other workers, if it learns."""
    settings = parts.settings
    if not isinstance(parts.fusion, OnlineRanker):
        return []
    shared = SharedWeights(
        parts.fusion,
        parts.writer,
        options,
        parts.metrics,
        topic=parts.topics.ranker_weights,
        worker_id=settings.instance_id or f"{socket.gethostname()}:{settings.web_port}",
        interval_s=settings.weights_interval_s,
        patience_s=settings.patience_s,
    )
    return [shared]


def _experiments(parts: Parts, options: ClientOptions) -> ExperimentFollower:
    settings, topics = parts.settings, parts.topics
    return ExperimentFollower(
        parts.experiments,
        parts.writer,
        options,
        parts.metrics,
        lambda: 0 in parts.users.partitions,
        topic=topics.experiments,
        dead_letters=topics.dead_letters,
        group_id=f"{settings.app_id}-experiments",
        patience_s=settings.patience_s,
    )


def _kind(row: Row) -> bytes:
    """First byte of a packed row: its version, the second, may be an older one."""
    return row.pack()[:1]


def _attach_agents(app: StreamApp, parts: Parts) -> Mapping[str, Put]:
    """Declare the agents; returns what hands a chunk of a topic to its agent."""
    topics = parts.topics
    agents = {
        topics.item_catalog: catalog.attach,
        topics.user_interactions: interactions.attach,
        topics.item_transitions: transitions.attach,
        topics.item_vectors: vectors.attach,
        topics.recommendation_requests: requests.attach,
    }
    puts: dict[str, Put] = {}
    for topic, attach in agents.items():
        channel = new_channel(app)
        attach(app, channel, parts)
        puts[topic] = channel.put
    puts[topics.interactions_rerouted] = puts[topics.user_interactions]
    return puts


def _request_reader(parts: Parts, put: Put, options: ClientOptions) -> RequestReader:
    settings = parts.settings
    return RequestReader(
        options,
        parts.topics.recommendation_requests,
        Route(put, REQUEST_CHUNK, REQUEST_CHUNKS_OUT, offsets_in_rows=False),
        lambda: parts.users.partitions,
        group_id=f"{settings.app_id}-requests",
        commit_interval_s=settings.commit_interval_s,
        drain_timeout_s=settings.session_timeout_s,
        patience_s=settings.patience_s,
    )


def _member(
    parts: Parts,
    agents: Mapping[str, Put],
    options: ClientOptions,
    followers: tuple[Follower, ...],
    only: Collection[str] | None,
) -> GroupMember:
    settings, topics = parts.settings, parts.topics
    tables: dict[str, Table[Any]] = {
        topics.item_catalog: parts.items,
        topics.user_interactions: parts.users,
        topics.interactions_rerouted: parts.users,
        topics.item_transitions: parts.items,
        topics.item_vectors: parts.items,
    }
    tables = {topic: table for topic, table in tables.items() if only is None or topic in only}
    return GroupMember(
        options,
        MemberSettings(
            group_id=settings.app_id,
            instance_id=settings.instance_id,
            commit_interval_s=settings.commit_interval_s,
            session_timeout_s=settings.session_timeout_s,
            patience_s=settings.patience_s,
        ),
        {topic: Route(agents[topic], settings.chunk_records, settings.chunks_out) for topic in tables},
        tables,
        parts.writer,
        followers,
        LogCheck(topics, parts.users, parts.items).check,
    )


def _watchdog(parts: Parts, options: ClientOptions, member: GroupMember, request_reader: RequestReader) -> Watchdog:
    def waits_for() -> str | None:
        return "index" if parts.index_waits() else None

    return Watchdog(
        [member.standings, request_reader.standings],
        lambda: answers(options),
        waits_for,
        parts.metrics,
        parts.turns.slices,
        limit_s=parts.settings.watchdog_s,
    )


def _attach_web(app: StreamApp, parts: Parts, member: GroupMember, request_reader: RequestReader) -> None:
    def ready() -> dict[str, bool]:
        return {"index_open": parts.index_service.started, "tables_recovered": member.ready.is_set()}

    def refresh() -> None:
        parts.metrics.clear_lag()
        for tp, records in {**member.lag(), **request_reader.lag()}.items():
            parts.metrics.set_lag(tp.topic, tp.partition, records)
        parts.metrics.set_entries("users", len(parts.users))
        parts.metrics.set_entries("items", len(parts.items))
        parts.metrics.set_entries("unknown_items", parts.items.spare)
        parts.metrics.set_ready(all(ready().values()))
        parts.metrics.set_index_up(not (parts.index_service.away or parts.index_audit.behind))

    web.attach(app, parts.metrics.registry, refresh, ready)
    http_api.attach(app, http_api.HttpApi(parts, lambda: all(ready().values())))


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry
