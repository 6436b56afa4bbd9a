"""The latency dashboard answers: each query on a real Prometheus that scrapes a worker at work."""

import math
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from infra.ports import HOST
from tests.infra import dashboard
from tests.infra.prometheus import ROOT, Prometheus, own_config, tool
from tests.infra.traffic import steady_traffic
from tests.waiting import until
from tests.worker.process import Worker
from workers.metrics import Metrics

LATENCY = dashboard.load()
QUERIES = dict(dashboard.queries(LATENCY))
SCRAPE_S = 1
WITHIN_S = 40.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def prometheus(broker: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes a worker which has everything to do, for as long as this module runs."""
    tool("prometheus")
    worker = Worker(broker, tmp_path_factory.mktemp("observed"))
    try:
        await worker.start()
        config = own_config(SCRAPE_S, f"{HOST}:{worker.settings['web_port']}")
        async with steady_traffic(broker, worker.topics), Prometheus(config) as server:
            await until(server.is_ready)
            yield server
    finally:
        worker.kill()


async def answered(prometheus: Prometheus, expression: str) -> bool:
    """Whether a query has at least one series, and a number in it."""
    series = await prometheus.query(expression)
    return any(math.isfinite(float(one["value"][1])) for one in series)


async def values_of(prometheus: Prometheus, selector: str, label: str) -> list[str]:
    return sorted({labels[label] for labels in await prometheus.series(selector) if label in labels})


async def as_sent(prometheus: Prometheus, expression: str) -> str:
    """The query with the dashboard's variables set as on its first opening: everything chosen."""
    values = {"__rate_interval": f"{10 * SCRAPE_S}s"}
    for name, (selector, label) in dashboard.variables(LATENCY).items():
        offered = await values_of(prometheus, selector, label)
        # Escaped for the regular expression, and the backslashes once more for the string that holds it.
        values[name] = "|".join(re.escape(one).replace("\\", "\\\\") for one in offered)
    return dashboard.substitute(expression, values)


@pytest.mark.parametrize("title", QUERIES)
async def test_the_panel_has_an_answer(prometheus: Prometheus, title: str) -> None:
    async def has_answer() -> bool:
        return await answered(prometheus, await as_sent(prometheus, QUERIES[title]))

    await until(has_answer, deadline_s=WITHIN_S)


@pytest.mark.parametrize("variable", dashboard.variables(LATENCY))
async def test_the_variable_offers_values(prometheus: Prometheus, variable: str) -> None:
    selector, label = dashboard.variables(LATENCY)[variable]

    async def has_values() -> bool:
        return bool(await values_of(prometheus, selector, label))

    await until(has_values, deadline_s=WITHIN_S)


async def test_panels_show_the_whole_traffic(prometheus: Prometheus) -> None:
    """What the traffic does on purpose is visible: errors, dead letters, duplicates, every stage."""
    wanted = {
        ("tastestream_request_duration_seconds_count", "outcome"): {"ok", "unsupported_kind", "out_of_range"},
        ("tastestream_request_duration_seconds_count", "stage"): {"total", "retrieve", "rank"},
        ("tastestream_events_total", "outcome"): {"applied", "duplicate"},
        ("tastestream_dead_letters_total", "reason"): {"invalid_json"},
        ("tastestream_state_entries", "table"): {"users", "items"},
        ("tastestream_live_choices_total", "variant"): {"default", "trial/as-now", "trial/fixed"},
    }

    async def all_seen() -> bool:
        return all([wanted[one] <= set(await values_of(prometheus, *one)) for one in wanted])

    await until(all_seen, deadline_s=WITHIN_S)


async def test_prometheus_evaluates_every_rule_without_an_error(prometheus: Prometheus) -> None:
    async def all_evaluated() -> bool:
        rules = await prometheus.rules()
        assert not [rule for rule in rules if rule["health"] == "err"]
        return bool(rules) and all(rule["health"] == "ok" for rule in rules)

    await until(all_evaluated, deadline_s=WITHIN_S)


async def test_every_recording_rule_has_an_answer(prometheus: Prometheus) -> None:
    recorded = [rule["name"] for rule in await prometheus.rules() if rule["type"] == "recording"]
    assert recorded

    async def all_answered() -> bool:
        return all([await answered(prometheus, name) for name in recorded])

    await until(all_answered, deadline_s=WITHIN_S)


async def test_alerts_tell_a_healthy_worker_from_bad_records(prometheus: Prometheus) -> None:
    """The traffic has bad records and nothing else that is wrong: no page is near, the dead letters are seen."""

    async def states_are_right() -> bool:
        alerts = {rule["name"]: rule for rule in await prometheus.rules() if rule["type"] == "alerting"}
        pages = {rule["state"] for rule in alerts.values() if rule["labels"]["severity"] == "page"}
        return pages == {"inactive"} and alerts["TastestreamDeadLetters"]["state"] != "inactive"

    await until(states_are_right, deadline_s=WITHIN_S)


def test_uids_are_stable() -> None:
    datasources = yaml.safe_load((ROOT / "infra/grafana/provisioning/datasources/prometheus.yml").read_text())
    chosen = {one["name"]: one.get("current") for one in LATENCY["templating"]["list"]}["datasource"]
    assert LATENCY["uid"] == "tastestream-latency"
    assert [one["uid"] for one in datasources["datasources"]] == ["tastestream-prometheus"] == [chosen["value"]]


def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    silent = [
        panel["title"]
        for panel in dashboard.panels(LATENCY)
        if not panel["description"] or not panel["fieldConfig"]["defaults"]["unit"]
    ]
    assert silent == []


def test_every_query_follows_the_chosen_data_source_and_worker() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(panel["datasource"] == chosen for panel in dashboard.panels(LATENCY))
    assert all(target["datasource"] == chosen for panel in dashboard.panels(LATENCY) for target in panel["targets"])
    assert [title for title, expression in QUERIES.items() if "$instance" not in expression] == []


def test_panels_neither_share_an_id_nor_overlap() -> None:
    positions = [(panel["id"], panel["gridPos"]) for panel in LATENCY["panels"]]
    cells = [
        (column, line)
        for _, position in positions
        for column in range(position["x"], position["x"] + position["w"])
        for line in range(position["y"], position["y"] + position["h"])
    ]
    assert len({identity for identity, _ in positions}) == len(positions)
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24


def test_dashboard_and_rules_name_only_metrics_that_a_worker_has() -> None:
    rules = [yaml.safe_load(path.read_text()) for path in (ROOT / "infra/prometheus/rules").glob("*.yml")]
    expressions = [rule["expr"] for file in rules for group in file["groups"] for rule in group["rules"]]
    # A colon makes a recorded name, whose own expression is checked.
    named = {name for text in [*QUERIES.values(), *expressions] for name in _NAMES.findall(text)}
    assert named - known_names() == set()


_NAMES = re.compile(r"(?<![:\w])(?:tastestream|process)_\w+(?![:\w])")


def known_names() -> set[str]:
    """Names of all series of a worker's metrics; a histogram has three."""
    registry = CollectorRegistry()
    Metrics(registry)
    ProcessCollector(registry=registry)
    names: set[str] = set()
    for family in registry.collect():
        endings: dict[str, Any] = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        names |= {family.name + ending for ending in endings.get(family.type, ("",))}
    return names
