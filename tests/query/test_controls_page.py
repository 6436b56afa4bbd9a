"""The page on controls is true: its examples are taken, and do what it says."""

import re
from math import log
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.ranking.exploration import FEW_USERS, POOL
from models.ranking.fusion import LOGITS
from models.retrieval.popular_lists import LITTLE_KNOWN_LISTS
from tests.query.builders import answer, describe, two_clusters
from workers.recommend.rules import NEW_DAYS, TURN_MS
from workers.recommend.served import served_line
from workers.records.reply import RecommendationReason, RecommendedItem, Reply
from workers.records.request import Request
from workers.records.rules import MAX_PINS, MAX_RULE_IDS, MAX_RULES, Rules, Where, decode_rules

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "controls.md").read_text()
EXAMPLES: list[tuple[str, str]] = re.findall(r"^```json ([a-z]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def example(kind: str) -> Any:
    [found] = [orjson.loads(text) for name, text in EXAMPLES if name == kind]
    return found


def rules_with(field: str) -> Rules:
    """The page's first example that names this field."""
    return next(rules for rules in ALL_RULES if field in rules.model_fields_set)


ALL_RULES = [
    rules
    for name, text in EXAMPLES
    if name == "rules" and (rules := decode_rules(text.encode(), b"home")[1]) is not None
]


def test_every_example_is_tested() -> None:
    assert PAGE.count("```json") == len(EXAMPLES)
    assert {name for name, _ in EXAMPLES} == {"rules", "reason", "served"}
    assert all(decode_rules(text.encode(), b"home")[1] for name, text in EXAMPLES if name == "rules")


def test_every_field_and_every_condition_is_listed() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert listed == set(Rules.model_fields)
    conditions = PAGE.split("`where` is a condition", 1)[1].split(";", 1)[0]
    assert set(re.findall(r"`(\w+)`", conditions)) == set(Where.model_fields) - {"available"}


def test_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"fewer than {FEW_USERS} users" in PAGE
    assert f"up to {POOL // 2} little-known" in PAGE and f"best {POOL} by score" in PAGE
    assert f"within {NEW_DAYS} days" in PAGE and f"every {TURN_MS // 1000} seconds" in PAGE
    assert f"| {MAX_PINS}, of at most {MAX_RULE_IDS:,} ids each |" in PAGE and f"| {MAX_RULES} |" in PAGE
    record = (DOCS / "decisions" / "0014-exact-chances-and-counterfactuals.md").read_text()
    assert f"{LITTLE_KNOWN_LISTS} lists" in record and f"every {TURN_MS // 1000} seconds" in record


def test_the_reason_of_a_boost_is_its_factor_s_logarithm() -> None:
    reason = example("reason")
    assert set(reason) == set(RecommendationReason.__dataclass_fields__)
    [boost] = [boost for boost in rules_with("boosts").boosts if boost.name == reason["rule"]]
    assert boost.factor is not None and reason["contribution"] == pytest.approx(log(boost.factor))
    assert f"a unit of the score is {LOGITS:.0f} logits" in PAGE


def test_the_served_line_is_what_is_written() -> None:
    line = example("served")
    items = tuple(RecommendedItem(**item) for item in line["items"])
    reply = Reply(line["recommendation_id"], line["kind"], items, scenario=line["scenario"])
    request = Request(user_id=line["user_id"], record_time_ms=line["served_at"])
    assert orjson.loads(served_line(reply, request)) == line


async def test_the_page_s_rules_do_what_it_says() -> None:
    async with two_clusters() as deps:

        async def ids(field: str, **body: Any) -> list[str]:
            deps.rules.put("default", rules_with(field))
            items = (await answer(deps, limit=100, **body)).items
            deps.rules.put("default", None)
            return [item.item_id for item in items]

        await describe(
            deps,
            {"item_id": "gift", "category": "gift-card"},
            {"item_id": "recalled-1", "category": "film"},
            {"item_id": "rum", "category": "spirits", "attributes": {"imported": True}},
            {"item_id": "gin", "category": "spirits", "attributes": {"imported": False}},
            {"item_id": "its-stand-in", "category": "film"},
            {"item_id": "soap", "category": "own-brand"},
            *({"item_id": f"film-{number}", "category": "film"} for number in range(6)),
        )
        left = await ids("filters")
        assert "gin" in left and not {"gift", "recalled-1", "rum"} & set(left)
        capped = await ids("caps")
        assert sum(name.startswith("red") for name in capped) == 2
        assert sum(name.startswith(("film", "recalled", "its")) for name in capped) == 4
        pinned = await ids("pins")
        assert (pinned[0], pinned[3]) == ("its-stand-in", "soap")
