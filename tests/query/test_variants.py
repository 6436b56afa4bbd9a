"""Settings of a variant change an answer as they say, and nothing else."""

from typing import Any

from models.ranking.fusion import Situation
from models.retrieval.retrieval import WIDTH
from tests.query.builders import World, question, request, two_clusters
from workers.recommend.candidates import width_for
from workers.recommend.context import QueryContext
from workers.recommend.controls import Controls
from workers.recommend.paging import Page
from workers.records.experiment import VariantSettings
from workers.records.reply import Reply
from workers.records.rules import Rules


async def answered(deps: World, variant: dict[str, Any], **body: Any) -> Reply:
    asked = request(**body)
    return await deps.pipeline.answer(question(deps, asked, settings=VariantSettings(**variant)))


def ids(reply: Reply) -> list[str]:
    return [item.item_id for item in reply.items]


async def test_the_variant_decides_the_diversity_unless_the_request_names_one() -> None:
    async with two_clusters() as deps:
        plain = ids(await answered(deps, {}, limit=6))
        varied = ids(await answered(deps, {}, limit=6, diversity=0.9))
        assert plain != varied
        assert ids(await answered(deps, {"diversity": 0.9}, limit=6)) == varied
        assert ids(await answered(deps, {"diversity": 0.9}, limit=6, diversity=0.0)) == plain


async def test_the_variant_decides_the_ranker() -> None:
    async with two_clusters() as deps:
        learned, fixed = await answered(deps, {}), await answered(deps, {"ranker": "fixed"})
        assert [item.score for item in fixed.items] != [item.score for item in learned.items]
        online = await answered(deps, {"ranker": "online"})
        assert [item.score for item in online.items] == [item.score for item in learned.items]


def test_the_variant_decides_how_many_candidates_each_source_is_asked_for() -> None:
    def width(asked: int | None) -> int:
        return width_for(QueryContext(request(limit=10), Page("r"), Situation(), controls=Controls(width=asked)))

    assert (width(None), width(200)) == (WIDTH, 200)
    assert width(10) == 20  # what fills the list stays the least


async def test_the_variant_s_rules_win_over_the_scenario_s_and_leave_the_others() -> None:
    async with two_clusters() as deps:
        blocks = {"blocks": [{"where": {"category": "red"}}]}
        deps.rules.put("home", Rules.model_validate({"caps": {"red": 1}}))
        capped = await answered(deps, {}, scenario="home", limit=6)
        assert _reds(capped) == 1
        assert _reds(await answered(deps, blocks, scenario="home", limit=6)) == 0
        assert _reds(await answered(deps, {"caps": {}}, scenario="home", limit=6)) > 1
        boosted = {"boosts": [{"name": "sale", "where": {"category": "blue"}, "add": 20}]}
        assert _reds(await answered(deps, boosted, scenario="home", limit=6)) <= 1


def _reds(reply: Reply) -> int:
    return sum(item.startswith("red") for item in ids(reply))
