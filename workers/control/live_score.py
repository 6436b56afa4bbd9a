"""What each variant would have shown for a choice, shadows included: all are judged on the same events."""

from collections.abc import Mapping
from typing import Protocol

from models.ranking.fusion import Fusion
from models.state.user_state import UserState
from workers.control.running import Running
from workers.recommend.controls import Controls
from workers.recommend.preview import Preview
from workers.records.experiment import AS_DEPLOYED, VariantSettings

_ORDERS_ONLY = {"ranker", "diversity", "note"}
"""Settings under which the candidates stay the same."""


class Ways(Protocol):
    """The query pipeline, asked for one list in several ways."""

    def preview(self, user: UserState, now_ms: int, settings: VariantSettings = AS_DEPLOYED) -> Preview:
        """What a user's list at `now_ms` would be made of."""

    def controls_of(self, settings: VariantSettings) -> Controls:
        """What steers such a list."""

    def fusion_of(self, controls: Controls) -> Fusion:
        """What ranks it."""


class LiveScore:
    """Lists for one choice under every variant that runs. Costs a retrieval where that differs."""

    def __init__(self, ways: Ways, running: Running) -> None:
        self._ways = ways
        self._running = running

    def previews(self, user: UserState, now_ms: int, previewed: Preview) -> Mapping[str, Preview]:
        """What each variant's list would be made of, by its label; `previewed`: what the deployment's own is made of.

        Changes nothing, so that no variant's result depends on another's.
        """
        found: dict[str, Preview] = {}
        made: dict[str, list[Preview]] = {_retrieval_of(AS_DEPLOYED): [previewed]}
        for label, settings in self._running.scored:
            controls = self._ways.controls_of(settings)
            alike = made.setdefault(_retrieval_of(settings), [])
            usable = [one for one in alike if one.candidates.vectors is not None or controls.diversity == 0.0]
            if not usable:
                usable = [self._ways.preview(user, now_ms, settings)]
                alike += usable
            same = usable[0]
            found[label] = Preview(same.candidates, same.situation, controls, same.steering)
        return found


def _retrieval_of(settings: VariantSettings) -> str:
    return settings.model_dump_json(exclude=_ORDERS_ONLY, exclude_unset=True)
