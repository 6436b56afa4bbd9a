"""Which experiments run, and what they mean for a request (no I/O)."""

from collections.abc import Iterable, Mapping
from typing import Literal

from models.evaluation.experiment import assign
from workers.records.experiment import AS_DEPLOYED, MAX_VARIANTS, Assigned, Experiment, VariantSettings
from workers.records.request import Request

MAX_RUNNING = 8
"""Experiments at once: each adds a name to every reply."""
LIVE_KIND = "for_user"
"""What the live score asks for."""


UNASSIGNED = Assigned()


class Running:
    """The experiments that run here; replaced whole when a definition changes."""

    def __init__(self, ranker: Literal["online", "fixed"]) -> None:
        self._ranker: Literal["online", "fixed"] = ranker
        self._running: tuple[Experiment, ...] = ()
        self.scored: tuple[tuple[str, VariantSettings], ...] = ()
        """Variants that the live score judges, by label: shadows too, at most 8."""

    def __len__(self) -> int:
        return len(self._running)

    def replace(self, definitions: Mapping[str, Experiment]) -> dict[str, str]:
        """Run these from now on; returns why some of them wait."""
        running, waiting = choose(definitions.values(), self._ranker)
        self._running = tuple(sorted(running, key=lambda experiment: experiment.name))
        judged = [experiment for experiment in self._running if not experiment.kinds or LIVE_KIND in experiment.kinds]
        labels = [
            (experiment.label(variant), variant.settings) for experiment in judged for variant in experiment.variants
        ]
        self.scored = tuple(labels[:MAX_VARIANTS])
        return waiting

    def assigned(self, request: Request) -> Assigned:
        """The variant of the request's subject; a request without one is in no experiment. O(experiments)."""
        if not self._running or not request.subject:
            return UNASSIGNED
        labels, settings = [], AS_DEPLOYED
        for experiment in self._running:
            if experiment.takes(request):
                variant = experiment.shown[assign(request.subject, experiment.name, experiment.weights)]
                labels.append(experiment.label(variant))
                settings = settings.with_others(variant.settings)
        return Assigned(",".join(labels), settings) if labels else UNASSIGNED


def choose(
    definitions: Iterable[Experiment], ranker: Literal["online", "fixed"]
) -> tuple[list[Experiment], dict[str, str]]:
    """Those that can run side by side, and why each of the others waits, by name.

    Who came first runs. Experiments that change different settings cross: each user is in all of them, and the hash
    makes one say nothing about the other. Two that change one setting of one request can't:
    Tang et al. 2010, "Overlapping experiment infrastructure".
    """
    running: list[Experiment] = []
    waiting: dict[str, str] = {}
    for experiment in definitions:
        problem = _problem(experiment, running, ranker)
        if problem:
            waiting[experiment.name] = problem
        else:
            running.append(experiment)
    return running, waiting


def _problem(experiment: Experiment, running: list[Experiment], ranker: Literal["online", "fixed"]) -> str:
    if ranker == "fixed" and any(variant.settings.ranker == "online" for variant in experiment.variants):
        return "a variant wants the online ranker: set TASTESTREAM_RANKER=online for all workers"
    for other in running:
        shared = sorted(experiment.changed & other.changed)
        if shared and experiment.meets(other):
            return f"{other.name} changes {shared[0]} for the same requests: end it, or name other kinds or scenarios"
    if len(running) >= MAX_RUNNING:
        return f"{MAX_RUNNING} experiments run already: end one"
    return ""
