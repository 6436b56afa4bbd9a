"""The composition root: services and agents over the parts of `build_parts`, in the order in which they start."""

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
from workers.runtime.build_parts import build_parts, with_lists
from workers.runtime.log_check import LogCheck
from workers.runtime.parts import Parts
from workers.runtime.watchdog import Watchdog
from workers.settings import Settings
from workers.stream.chunk import Chunk
from workers.stream.compacted import CompactedTopicFollower, Guidance
from workers.stream.connect import ClientOptions
from workers.stream.faust_app import StreamApp, new_app, new_channel
from workers.stream.member import Follower, GroupMember, MemberSettings
from workers.stream.reader import Route
from workers.stream.refusal import answers
from workers.stream.requests import RequestReader
from workers.stream.security import client_options
from workers.stream.table import Table

Put = Callable[[Chunk], Awaitable[None]]
Attach = Callable[[StreamApp, ChannelT[Chunk], Parts], None]

# Requests in one chunk, and chunks of a partition that are out at once: beyond, they wait in Kafka.
REQUEST_CHUNK, REQUEST_CHUNKS_OUT = 4, 16


def build(settings: Settings, *, only: Collection[str] | None = None) -> StreamApp:
    """A worker's Faust app, ready to be run; its topics must exist. `only`: the topics that it folds, else all."""
    options = client_options(settings)
    app = new_app(
        settings.app_id,
        bootstrap_servers=settings.bootstrap_servers,
        datadir=str(settings.data_path / "faust"),
    )
    lists = ReadyLists(settings.precomputed_file)
    parts = with_lists(build_parts(settings, options), lists)
    agents = _attach_agents(app, parts)
    request_reader = _request_reader(parts, agents[parts.topics.recommendation_requests], options)
    shelf = () if parts.shelf is None else (parts.shelf,)
    followers = (parts.index_writer, *shelf, request_reader, parts.index_audit)
    member = _member(parts, agents, options, followers, only)
    # Started in this order and stopped in the opposite one: a hand-over needs everything else alive.
    below: list[Service] = [parts.index_service, parts.writer, parts.replies, parts.index_writer, parts.index_audit]
    watchdog = _watchdog(parts, options, member, request_reader)
    followed = (*_guidance(parts, options), lists)
    server = _http_server(parts, member, request_reader)
    for service in (server, *below, *shelf, *followed, request_reader, member, watchdog):
        app.add_service(service)
    return app


def _guidance(parts: Parts, options: ClientOptions) -> list[Service]:
    """What follows the topics that every worker goes by; what they hold is known before the first answer."""
    topics, metrics = parts.topics, parts.metrics

    def follow(guidance: Guidance, topic: str, letters: RefusedLetters | None = None) -> CompactedTopicFollower:
        patience_s = parts.settings.patience_s
        return CompactedTopicFollower(guidance, options, topic, metrics, patience_s=patience_s, letters=letters)

    heard = HeardWeights()
    weights = _shared_weights(parts, heard)
    rules, experiments = SharedRules(parts.rules, metrics), SharedExperiments(parts.experiments, metrics)
    return [
        follow(rules, topics.recommendation_rules, _refused_letters(parts, "rules")),
        *([follow(heard, topics.ranker_weights), weights] if weights is not None else []),
        follow(experiments, topics.experiments, _refused_letters(parts, "experiments")),
        follow(parts.active_vectors, topics.item_vectors_versions),
    ]


def _refused_letters(parts: Parts, stage: str) -> RefusedLetters:
    return RefusedLetters(
        stage,
        parts.writer,
        parts.metrics,
        parts.topics.dead_letters,
        lambda: 0 in parts.users.partitions,
        group_id=f"{parts.settings.app_id}-{stage}",
    )


def _shared_weights(parts: Parts, heard: HeardWeights) -> SharedWeights | None:
    """Exchanges what the ranker learns with other workers, if it learns."""
    settings = parts.settings
    if not isinstance(parts.fusion, OnlineRanker):
        return None
    return SharedWeights(
        parts.fusion,
        heard,
        parts.writer,
        parts.metrics,
        topic=parts.topics.ranker_weights,
        worker_id=settings.instance_id or f"{socket.gethostname()}:{settings.web_port}",
        interval_s=settings.weights_interval_s,
    )


def _attach_agents(app: StreamApp, parts: Parts) -> Mapping[str, Put]:
    """Declare the agents; returns what hands a chunk of a topic to its agent."""
    topics = parts.topics
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
        {topic: Route(agents[topic], settings.chunk_records, settings.chunks_out) for topic in tables},
        tables,
        parts.writer,
        followers,
        {side: main for side, main in sides.items() if side in tables and main in tables},
        LogCheck(topics, parts.users, parts.items).check,
        partial(_note_folded, parts),
    )


def _note_folded(parts: Parts, committed: Mapping[TopicPartition, int]) -> None:
    """What was committed before this worker had the partition is in its rows: who asks for it need not wait."""
    for tp, offset in committed.items():
        if tp.topic == parts.topics.user_interactions:
            parts.progress.advance(tp.partition, offset - 1)


def _watchdog(parts: Parts, options: ClientOptions, member: GroupMember, request_reader: RequestReader) -> Watchdog:
    def waits_for() -> str | None:
        return "index" if parts.index_waits() else None

    def agent_of(topic: str) -> str:
        return parts.topics.user_interactions if topic == parts.topics.interactions_rerouted else topic

    return Watchdog(
        [member.standings, request_reader.standings],
        lambda: answers(options),
        waits_for,
        parts.metrics,
        parts.turns.slices,
        limit_s=parts.settings.watchdog_s,
        agent_of=agent_of,
    )


def _http_server(parts: Parts, member: GroupMember, request_reader: RequestReader) -> HttpServer:
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

    api = HttpApi(parts, lambda: all(ready().values()))
    routes = [*web.pages(parts.metrics.registry, refresh, ready), api.route(Bodies())]
    return HttpServer(parts.settings.web_bind, parts.settings.web_port, routes)
