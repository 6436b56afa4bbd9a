"""What each variant would have shown for a choice, shadows included: all are judged on the same events."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.fusion import Fusion, Situation
from models.ranking import Candidates, rank
from models.user_state import UserState
from workers.experiments.running import Running
from workers.metrics import LIVE_LIST
from workers.records.experiment import AS_DEPLOYED, VariantSettings

Looked = tuple[Candidates, Situation]


class Ways(Protocol):
    """The query pipeline, asked for one list in several ways."""

    async def look(self, user: UserState, now_ms: int, settings: VariantSettings = AS_DEPLOYED) -> Looked:
        """Candidates for a user with their raw scores, and the situation that they are asked in."""

    def fusion_of(self, settings: VariantSettings) -> Fusion:
        """What ranks under these settings."""

    def diversity_of(self, settings: VariantSettings) -> float:
        """Diversity of a list under these settings."""


class LiveScore:
    """Ranks one choice under every variant that runs. Costs a ranking each, and a search for each other width."""

    def __init__(self, ways: Ways, running: Running) -> None:
        self._ways = ways
        self._running = running

    async def ranks(self, user: UserState, item_id: str, now_ms: int, looked: Looked) -> Mapping[str, int]:
        """Rank of the item that the user is about to choose, by variant, from 1; 0 where its list can't hold it.

        `looked`: what the deployment's own list is made of. Changes nothing, so that no variant's result depends on
        another's. Raises `DependencyError` if no source answers: then the choice counts for none of them.
        """
        found: dict[str, int] = {}
        searched: dict[tuple[int | None, bool], Looked] = {(None, looked[0].vectors is not None): looked}
        for label, settings in self._running.scored:
            diversity = self._ways.diversity_of(settings)
            known = searched.get((settings.width, True)) or (
                searched.get((settings.width, False)) if diversity == 0.0 else None
            )
            if known is None:
                known = await self._ways.look(user, now_ms, settings)
                searched[settings.width, known[0].vectors is not None] = known
            found[label] = rank_in(known, self._ways.fusion_of(settings), diversity, item_id)
        return found


def rank_in(looked: Looked, fusion: Fusion, diversity: float, item_id: str) -> int:
    """Rank of an item in a list, from 1, 0 if it is no candidate.

    Diversity rearranges the first ten; what it leaves out of them has the rank of its score, but none of theirs.
    """
    candidates, situation = looked
    places = [place for place, known in enumerate(candidates.item_ids) if known == item_id]
    if not places:
        return 0
    [place] = places
    by_score = rank_of(fusion.fuse(candidates.scores, situation).scores, place)
    if diversity == 0.0 or candidates.vectors is None:
        return by_score
    mixed = rank(candidates, fusion, situation, LIVE_LIST, diversity).places
    return mixed.index(place) + 1 if place in mixed else max(LIVE_LIST + 1, by_score)


def rank_of(scores: NDArray[np.float64], place: int) -> int:
    """Rank of one candidate, from 1: one more than there are better ones; half of its equals count as better.

    >>> rank_of(np.array([0.5, 0.9, 0.1]), place=0)
    2
    """
    better = int(np.count_nonzero(scores > scores[place]))
    equal = int(np.count_nonzero(scores == scores[place])) - 1
    return 1 + better + equal // 2
