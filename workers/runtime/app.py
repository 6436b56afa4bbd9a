"""The composition root: services and agents over `build_dependencies`, in the order they start."""

import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from faust import ChannelT
from mode import Service

from models.ranking.ranker import OnlineRanker
from workers.agents import catalog, interactions, requests, transitions, vectors
from workers.api import probes as web
from workers.api.bodies import Bodies
from workers.api.recommendations import HttpApi
from workers.api.server import HttpServer
from workers.control.shared_experiments import SharedExperiments
from workers.control.shared_rules import SharedRules
from workers.control.shared_weights import HeardWeights, SharedWeights
from workers.dead_letters.refused import RefusedLetters
from workers.recommend.precomputed import ReadyLists
from workers.runtime.build_dependencies import build_dependencies, with_lists
from workers.runtime.dependencies import Dependencies
from workers.runtime.log_check import LogCheck
from workers.runtime.watchdog import Watchdog
from workers.settings import Settings
from workers.stream.chunk import Chunk
from workers.stream.compacted import CompactedTopicFollower, Guidance
from workers.stream.connect import ClientOptions
from workers.stream.faust_app import StreamApp, new_app, new_channel
from workers.stream.member import Follower, GroupMember, MemberSettings
from workers.stream.reader import PARKED, Route
from workers.stream.refusal import answers
from workers.stream.requests import RequestReader
from workers.stream.security import client_options
from workers.stream.table import Table

Put = Callable[[Chunk], Awaitable[None]]
Attach = Callable[[StreamApp, ChannelT[Chunk], Dependencies], None]

# Requests in one chunk, and chunks of a partition that are out at once: beyond, they wait in Kafka.
REQUEST_CHUNK, REQUEST_CHUNKS_OUT = 4, 16
# Chunks of a partition of evidence that are folded, and wait for the rows to be written: those of some seconds.
CHUNKS_BETWEEN_SNAPSHOTS = 1_000


def build(settings: Settings, *, only: Collection[str] | None = None) -> StreamApp:
    """A worker's Faust app, ready to be run; its topics must exist. `only`: the topics that it folds, else all."""
    options = client_options(settings)
    app = new_app(
        settings.app_id,
        bootstrap_servers=settings.bootstrap_servers,
        datadir=str(settings.data_path / "faust"),
    )
    lists = ReadyLists(settings.precomputed_file)
    deps = with_lists(build_dependencies(settings, options), lists)
    agents = _attach_agents(app, deps)
    request_reader = _request_reader(deps, agents[deps.topics.recommendation_requests], options)
    # Rows enter the item table before anything asks it.
    followers = (
        deps.items,
        deps.item_follower,
        deps.snapshots,
        deps.index_writer,
        request_reader,
        deps.index_audit,
    )
    member = _member(deps, agents, options, followers, only)
    # Started in this order and stopped in the opposite one: a hand-over needs everything else alive.
    below: list[Service] = [
        deps.index_service,
        deps.writer,
        deps.replies,
        deps.index_writer,
        deps.index_audit,
        deps.snapshots,
        deps.item_follower,
        *([] if deps.learner is None else [deps.learner]),
    ]
    watchdog = _watchdog(deps, options, member, request_reader)
    followed = (*_guidance(deps, options), lists)
    server = _http_server(deps, member, request_reader)
    for service in (server, *below, *followed, request_reader, member, watchdog):
        app.add_service(service)
    return app


def _guidance(deps: Dependencies, options: ClientOptions) -> list[Service]:
    """What follows the topics that every worker goes by; what they hold is known before the first answer."""
    topics, metrics = deps.topics, deps.metrics

    def follow(guidance: Guidance, topic: str, letters: RefusedLetters | None = None) -> CompactedTopicFollower:
        patience_s = deps.settings.patience_s
        return CompactedTopicFollower(guidance, options, topic, metrics, patience_s=patience_s, letters=letters)

    heard = HeardWeights()
    weights = _shared_weights(deps, heard)
    rules, experiments = SharedRules(deps.rules, metrics), SharedExperiments(deps.experiments, metrics)
    return [
        follow(rules, topics.recommendation_rules, _refused_letters(deps, "rules")),
        *([follow(heard, topics.ranker_weights), weights] if weights is not None else []),
        follow(experiments, topics.experiments, _refused_letters(deps, "experiments")),
        follow(deps.active_vectors, topics.item_vectors_versions),
    ]


def _refused_letters(deps: Dependencies, stage: str) -> RefusedLetters:
    return RefusedLetters(
        stage,
        deps.writer,
        deps.metrics,
        deps.topics.dead_letters,
        lambda: 0 in deps.users.partitions,
        group_id=f"{deps.settings.app_id}-{stage}",
    )


def _shared_weights(deps: Dependencies, heard: HeardWeights) -> SharedWeights | None:
    """Exchanges what the ranker learns with other workers, if it learns."""
    settings = deps.settings
    if not isinstance(deps.fusion, OnlineRanker):
        return None
    return SharedWeights(
        deps.fusion,
        heard,
        deps.writer,
        deps.metrics,
        topic=deps.topics.ranker_weights,
        worker_id=settings.instance_id or f"{socket.gethostname()}:{settings.web_port}",
        interval_s=settings.weights_interval_s,
    )


def _attach_agents(app: StreamApp, deps: Dependencies) -> Mapping[str, Put]:
    """Declare the agents; returns what hands a chunk of a topic to its agent."""
    topics = deps.topics
    agents: dict[str, Attach] = {
        topics.item_catalog: catalog.attach,
        topics.user_interactions: interactions.attach,
        topics.item_transitions: transitions.attach,
        topics.item_vectors: vectors.attach,
        topics.recommendation_requests: requests.attach,
    }
    puts: dict[str, Put] = {}
    for topic, attach in agents.items():
        channel = new_channel(app)
        attach(app, channel, deps)
        puts[topic] = channel.put
    puts[topics.interactions_rerouted] = puts[topics.user_interactions]
    return puts


def _request_reader(deps: Dependencies, put: Put, options: ClientOptions) -> RequestReader:
    settings = deps.settings
    return RequestReader(
        options,
        deps.topics.recommendation_requests,
        Route(put, REQUEST_CHUNK, REQUEST_CHUNKS_OUT, offsets_in_rows=False),
        lambda: deps.users.partitions,
        group_id=f"{settings.app_id}-requests",
        commit_interval_s=settings.commit_interval_s,
        drain_timeout_s=settings.session_timeout_s,
        patience_s=settings.patience_s,
    )


def _member(
    deps: Dependencies,
    agents: Mapping[str, Put],
    options: ClientOptions,
    followers: tuple[Follower, ...],
    only: Collection[str] | None,
) -> GroupMember:
    settings, topics = deps.settings, deps.topics
    tables: dict[str, Table[Any]] = {
        topics.item_catalog: deps.items.entries,
        topics.user_interactions: deps.users,
        topics.interactions_rerouted: deps.users,
        topics.item_transitions: deps.items.counts,
        topics.item_vectors: deps.items.entries,
    }
    tables = {topic: table for topic, table in tables.items() if only is None or topic in only}
    sides = {topics.interactions_rerouted: topics.user_interactions}
    return GroupMember(
        options,
        MemberSettings(
            group_id=settings.app_id,
            instance_id=settings.instance_id,
            commit_interval_s=settings.commit_interval_s,
            session_timeout_s=settings.session_timeout_s,
            patience_s=settings.patience_s,
        ),
        {topic: _route(deps, agents, topic) for topic in tables},
        tables,
        deps.writer,
        followers,
        {side: main for side, main in sides.items() if side in tables and main in tables},
        hurry=deps.snapshots.hurry,
        recover=deps.item_follower.take_over,
        check_ends=LogCheck(topics, deps.users, deps.items.entries).check,
        note_committed=partial(_note_folded, deps),
    )


def _route(deps: Dependencies, agents: Mapping[str, Put], topic: str) -> Route:
    settings = deps.settings
    for_rows = topic == deps.topics.item_transitions
    parked = CHUNKS_BETWEEN_SNAPSHOTS if for_rows else PARKED
    return Route(agents[topic], settings.chunk_records, settings.chunks_out, parked, for_index=not for_rows)


def _note_folded(deps: Dependencies, committed: Mapping[TopicPartition, int]) -> None:
    """What was committed before this worker had the partition is in its rows: who asks for it need not wait."""
    for tp, offset in committed.items():
        if tp.topic == deps.topics.user_interactions:
            deps.progress.advance(tp.partition, offset - 1)


def _watchdog(
    deps: Dependencies, options: ClientOptions, member: GroupMember, request_reader: RequestReader
) -> Watchdog:
    def waits_for() -> str | None:
        return "index" if deps.index_waits() else None

    def agent_of(topic: str) -> str:
        return deps.topics.user_interactions if topic == deps.topics.interactions_rerouted else topic

    return Watchdog(
        [member.standings, request_reader.standings],
        lambda: answers(options),
        waits_for,
        deps.metrics,
        deps.scheduler.slices,
        limit_s=deps.settings.watchdog_s,
        agent_of=agent_of,
    )


def _http_server(deps: Dependencies, member: GroupMember, request_reader: RequestReader) -> HttpServer:
    def ready() -> dict[str, bool]:
        return {"index_open": deps.index_service.started, "tables_recovered": member.ready.is_set()}

    def refresh() -> None:
        deps.metrics.clear_lag()
        for tp, records in {**member.lag(), **request_reader.lag()}.items():
            deps.metrics.set_lag(tp.topic, tp.partition, records)
        deps.metrics.set_entries("users", len(deps.users))
        deps.metrics.set_entries("items", len(deps.items.entries))
        deps.metrics.set_entries("unknown_items", deps.items.counts.expendable)
        deps.metrics.set_ready(all(ready().values()))
        deps.metrics.set_index_up(not (deps.index_service.away or deps.index_audit.behind))

    api = HttpApi(deps, lambda: all(ready().values()))
    routes = [*web.pages(deps.metrics.registry, refresh, ready), api.route(Bodies())]
    return HttpServer(deps.settings.web_bind, deps.settings.web_port, routes)
