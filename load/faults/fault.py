"""One kind of fault: what is done, and to what service."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from load.faults.scene import Scene


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table: `act` on a service of `workers` workers; `named`: static members of their group.

    `at_peak`: as many events as the workers can take, and at least `Scale.events`; else a steady rate, at most
    `rate`. `needs` says what is missing to run it here, empty if nothing is.
    """

    name: str
    act: Callable[[Scene], Awaitable[None]]
    workers: int = 1
    index: str = "edge"
    named: bool = True
    at_peak: bool = False
    rate: float = math.inf
    needs: Callable[[], str] = lambda: ""
