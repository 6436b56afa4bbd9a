"""How much of the stream is learned from: a share of events that keeps within a rate and a share of the time."""

from models.primitives.ids import event_hash

PERIOD_S = 1.0
"""The share is set again this often: shorter follows noise, longer lets a burst through."""
_MOST_AT_ONCE = 2.0
"""Share of a period's budget that one period may take: a burst ends there, whatever the last period was like."""
_KEPT = 0.5


class Budget:
    """Chooses events by the hash of their id, never by what they are: a sample without bias, the same anywhere.

    share = min(1, examples_per_s / rate, cpu_share / (rate · cost of an example)), rate and cost as running
    means; a period that took twice its budget takes no more. Cost is the time that passes while an example is at work:
    with less than a core it grows, so that learning keeps its share of what there is. Time is an argument: replays
    and tests have their own. A repeated event is chosen again.

    >>> budget = Budget(examples_per_s=10.0, cpu_share=0.1)
    >>> chosen = [budget.wants(f"e{n}", now_s=n / 1_000) for n in range(10_000)]
    >>> 50 < sum(chosen[2_000:]) < 120
    True
    """

    def __init__(self, examples_per_s: float, cpu_share: float) -> None:
        self._examples_per_s = examples_per_s
        self._cpu_share = cpu_share
        self._began_s: float | None = None
        self._events = 0
        self._rate = 0.0
        self._examples = 0
        self._spent_s = 0.0
        self._cost_s = 0.0
        self.share = 1.0

    def wants(self, event_id: str, now_s: float) -> bool:
        """Count an event, and say whether it is one to learn from."""
        if self._began_s is None:
            self._began_s = now_s
        elif now_s - self._began_s >= PERIOD_S:
            self._turn(now_s - self._began_s)
            self._began_s = now_s
        self._events += 1
        return not self._is_spent() and event_hash(event_id) < self.share * 2.0**64

    def spent(self, seconds: float, examples: int = 1) -> None:
        """Note the seconds that examples took; with `examples` 0, what is still to be added to earlier ones."""
        self._examples += examples
        self._spent_s += seconds

    def _is_spent(self) -> bool:
        most = _MOST_AT_ONCE * PERIOD_S
        return self._examples >= most * self._examples_per_s or self._spent_s >= most * self._cpu_share

    def _turn(self, elapsed_s: float) -> None:
        seen = self._events / elapsed_s
        # A rise counts at once, or a burst would be learned whole before it is noticed.
        self._rate = max(seen, _mixed(self._rate, seen))
        self._events = 0
        if self._examples:
            # Of a whole period: one cheap example must not open the gate for the next second.
            mean_s = self._spent_s / self._examples
            self._cost_s = mean_s if self._cost_s == 0.0 else _mixed(self._cost_s, mean_s)
        self._examples, self._spent_s = 0, 0.0
        if self._rate > 0.0:
            examples_per_s = self._examples_per_s
            if self._cost_s > 0.0:
                examples_per_s = min(examples_per_s, self._cpu_share / self._cost_s)
            self.share = min(1.0, examples_per_s / self._rate)


def _mixed(old: float, new: float) -> float:
    return _KEPT * old + (1.0 - _KEPT) * new
