"""What a deployment may turn of one request's answer: settings first, then rules, then what the request says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from workers.errors import BadRecordError
from workers.records.codes import Reason
from workers.records.filters import Filters
from workers.records.request import Request
from workers.records.rules import DEFAULT, Boost, Chosen, Pin, Rules

# Scenarios with rules of their own. Each can hold a record of a megabyte; no deployment has a thousand places that ask.
MAX_SCENARIOS = 1_000


_NONE = Filters()


@dataclass(frozen=True, slots=True)
class Controls:
    """Everything that steers one answer beside the request itself: the fields of `Rules`, each with its value.

    `ranker` and `width` (candidates asked of each source) are those of an experiment's variant, None as deployed.
    Frozen and small, so that a comparison of ways to answer can replace some of it for a request.
    """

    diversity: float = 0.0
    explore: float = 0.0
    filters: Filters = _NONE
    caps: Mapping[str, int] = field(default_factory=dict)
    boosts: tuple[Boost, ...] = ()
    blocks: tuple[Chosen, ...] = ()
    pins: tuple[Pin, ...] = ()
    ranker: Literal["online", "fixed"] | None = None
    width: int | None = None

    @property
    def rule(self) -> bool:
        """Whether rules change which items may be shown, or their order."""
        return bool(self.filters != _NONE or self.caps or self.boosts or self.blocks or self.pins)

    def with_rules(self, rules: Rules) -> "Controls":
        """These, with what the rules name instead; an empty list takes away what there was.

        >>> changed = Controls(diversity=0.5, explore=0.1).with_rules(Rules(diversity=0.2))
        >>> changed.diversity, changed.explore
        (0.2, 0.1)
        """
        return replace(self, **{name: getattr(rules, name) for name in rules.model_fields_set - {"note"}})


NEUTRAL = Controls()
"""Nothing is steered."""

ControlsOf = Callable[[Request], Controls]
"""What steers the answer to a request."""


class RuleBook:
    """The rules in force by scenario, over `settings`: what the deployment's settings say."""

    def __init__(self, settings: Controls) -> None:
        self._settings = settings
        self._rules: dict[str, Rules] = {}
        self._default = settings
        self._controls: dict[str, Controls] = {}

    def __len__(self) -> int:
        return len(self._rules)

    def put(self, scenario: str, rules: Rules | None) -> None:
        """Put rules in force instead of the scenario's earlier ones, or with None take them away.

        Raises `BadRecordError` for one scenario too many.
        """
        if rules is None:
            self._rules.pop(scenario, None)
        elif len(self._rules) >= MAX_SCENARIOS and scenario not in self._rules:
            raise BadRecordError(
                Reason.TOO_LARGE,
                f"rules of scenario {scenario!r}: {MAX_SCENARIOS} scenarios have rules: take others' away first",
            )
        else:
            self._rules[scenario] = rules
        self._default = self._settings.with_rules(self._rules.get(DEFAULT, Rules()))
        self._controls = {name: self._default.with_rules(own) for name, own in self._rules.items()}

    def of(self, request: Request) -> Controls:
        """What steers the answer to this request: the request's own diversity wins over its scenario's."""
        controls = self._controls.get(request.scenario or DEFAULT, self._default)
        return controls if request.diversity is None else replace(controls, diversity=request.diversity)
