"""The provisioned dashboard as data: its panels, their queries, its variables."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "infra/grafana/dashboards"
DASHBOARD = FOLDER / "latency.json"
LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")


def load() -> dict[str, Any]:
    """The dashboard, parsed."""
    parsed: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return parsed


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All panels that show something; rows only order them."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each panel's queries, as (title and letter, expression)."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]


def variables(dashboard: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Each variable that is filled from label values: (selector, label) by name."""
    filled = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert asked, variable
            filled[variable["name"]] = (asked["selector"], asked["label"])
    return filled


def substitute(expression: str, values: Mapping[str, str]) -> str:
    """The query as Grafana sends it; a variable that has no value fails."""
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], expression)
