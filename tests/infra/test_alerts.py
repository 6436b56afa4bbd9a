"""Rules and scrape configuration, judged by Prometheus' own tool."""

import subprocess

import pytest
import yaml

from tests.infra.prometheus import CONFIG, ROOT, tool

RULES = sorted((CONFIG.parent / "rules").glob("*.yml"))
UNIT_TESTS = ROOT / "tests/infra/alerts_test.yml"


def promtool(*arguments: str) -> None:
    done = subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_configuration() -> None:
    promtool("check", "config", "--lint=all", "--lint-fatal", str(CONFIG))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_prometheus_takes_the_rules(path: object) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(path))


def test_each_alert_fires_where_it_must_and_nowhere_else() -> None:
    promtool("test", "rules", str(UNIT_TESTS))


def alerts() -> list[dict[str, object]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_each_alert_has_a_unit_test_in_which_it_fires() -> None:
    cases = [case for test in yaml.safe_load(UNIT_TESTS.read_text())["tests"] for case in test["alert_rule_test"]]
    assert {rule["alert"] for rule in alerts()} == {case["alertname"] for case in cases if case["exp_alerts"]}


def test_each_alert_has_a_severity_and_says_what_to_do_in_the_documentation() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    for rule in alerts():
        assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"}), rule["alert"]
        assert f"| `{rule['alert']}` |" in text, rule["alert"]
