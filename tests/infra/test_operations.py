"""The operators' pages say what the code does."""

import re

from prometheus_client import CollectorRegistry

from tests.infra.prometheus import ROOT
from workers.metrics import Metrics
from workers.settings import settings_table

OPERATIONS = (ROOT / "docs/operations.md").read_text()
METRIC_ROW = re.compile(r"^\| `(tastestream_\w+)` \| (\w+) \|", re.MULTILINE)


def test_the_table_of_settings_is_what_the_command_prints() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    assert settings_table() in text, "write the output of `tastestream settings` into docs/settings.md"


def test_the_table_of_metrics_names_each_with_its_type() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    declared = {
        (family.name + ("_total" if family.type == "counter" else ""), family.type) for family in registry.collect()
    }
    assert set(METRIC_ROW.findall(OPERATIONS)) == declared
