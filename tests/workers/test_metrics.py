"""Metrics keep their names, units and bounded labels, whatever is counted."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from workers.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_events_are_counted_by_type_and_outcome(metrics: Metrics) -> None:
    metrics.count_events("view", "applied", 3)
    metrics.count_events("view", "applied")
    assert value(metrics, "tastestream_events_total", type="view", outcome="applied") == 4


def test_names_that_clients_invent_share_one_label(metrics: Metrics) -> None:
    for n in range(100):
        metrics.count_events(f"type-{n}", f"outcome-{n}")
        metrics.count_dead_letters("user-interactions", f"reason-{n}")
        with metrics.stage(f"kind-{n}", "merge"):
            pass
    assert value(metrics, "tastestream_events_total", type="other", outcome="other") == 100
    assert value(metrics, "tastestream_dead_letters_total", topic="user-interactions", reason="other") == 100
    assert (
        value(
            metrics,
            "tastestream_request_duration_seconds_count",
            kind="other",
            stage="merge",
            outcome="ok",
        )
        == 100
    )


def test_a_refusal_keeps_its_reason(metrics: Metrics) -> None:
    metrics.count_dead_letters("item-catalog", "too_large")
    assert value(metrics, "tastestream_dead_letters_total", topic="item-catalog", reason="too_large") == 1


def test_a_stage_is_timed_and_hands_out_its_time(metrics: Metrics) -> None:
    with metrics.stage("for_user", "merge") as timer:
        assert timer.elapsed_s == 0
    labels = {"kind": "for_user", "stage": "merge", "outcome": "ok"}
    assert timer.elapsed_s > 0
    assert value(metrics, "tastestream_request_duration_seconds_sum", **labels) == timer.elapsed_s


def test_a_stage_that_fails_is_timed_as_an_error_and_still_fails(metrics: Metrics) -> None:
    with pytest.raises(ZeroDivisionError), metrics.stage("trending", "sources"):
        raise ZeroDivisionError
    labels = {"kind": "trending", "stage": "sources", "outcome": "error"}
    assert value(metrics, "tastestream_request_duration_seconds_count", **labels) == 1


def test_every_metric_has_its_documented_name_and_unit(metrics: Metrics) -> None:
    metrics.count_events("view", "applied")
    metrics.count_dead_letters("item-catalog", "too_large")
    metrics.count_reply("personal", "default", degraded=False)
    metrics.observe_request("for_user", "total", "ok", 0.004)
    metrics.set_lag("user-interactions", 3, 12)
    metrics.set_entries("users", 610)
    metrics.count_evictions("users", 2)
    metrics.freshness.observe(0.03)
    metrics.lateness.observe(5)
    metrics.future_events.inc()
    text = generate_latest(metrics.registry).decode()
    for line in (
        'tastestream_events_total{outcome="applied",type="view"} 1.0',
        'tastestream_dead_letters_total{reason="too_large",topic="item-catalog"} 1.0',
        'tastestream_replies_total{degraded="false",source="personal",variant="default"} 1.0',
        'tastestream_request_duration_seconds_count{kind="for_user",outcome="ok",stage="total"} 1.0',
        'tastestream_consumer_lag_records{partition="3",topic="user-interactions"} 12.0',
        'tastestream_state_entries{table="users"} 610.0',
        'tastestream_state_evictions_total{table="users"} 2.0',
        'tastestream_event_freshness_seconds_bucket{le="0.03"} 1.0',
        'tastestream_event_lateness_seconds_bucket{le="10.0"} 1.0',
        "tastestream_future_events_total 1.0",
    ):
        assert line in text


def test_latencies_from_a_fifth_of_a_millisecond_to_ten_seconds_are_told_apart(metrics: Metrics) -> None:
    metrics.observe_request("for_user", "total", "ok", 0.00015)
    metrics.observe_request("for_user", "total", "ok", 9)
    labels = {"kind": "for_user", "stage": "total", "outcome": "ok"}
    name = "tastestream_request_duration_seconds_bucket"
    assert value(metrics, name, le="0.0002", **labels) == 1
    assert value(metrics, name, le="5.0", **labels) == 1
    assert value(metrics, name, le="10.0", **labels) == 2


def test_two_workers_in_one_process_count_apart() -> None:
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.future_events.inc()
    assert value(other, "tastestream_future_events_total") == 0


def test_names_of_variants_are_bounded() -> None:
    metrics = Metrics(CollectorRegistry())
    for n in range(100):
        metrics.count_reply("for_user", f"trial/v{n}", degraded=False)
    labels = {"source": "for_user", "degraded": "false"}
    assert value(metrics, "tastestream_replies_total", variant="trial/v0", **labels) == 1
    assert value(metrics, "tastestream_replies_total", variant="other", **labels) == 36
