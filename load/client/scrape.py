"""What a worker says of itself over HTTP: its probes and its metrics (touches 127.0.0.1)."""

import http.client
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

# Pages come from the event loop that also folds: a busy worker takes a tenth of a second, a stuck one forever.
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of `/metrics`."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """All metrics of a worker at one moment."""

    samples: tuple[Sample, ...]

    def total(self, name: str, **labels: str) -> float:
        """Sum of the samples called `name` that have these labels, 0 without any.

        >>> parse('lag{topic="a"} 2\\nlag{topic="b"} 3\\n').total("lag", topic="b")
        3.0
        """
        wanted = labels.items()
        return float(sum(one.value for one in self.samples if one.name == name and wanted <= one.labels.items()))

    def by_label(self, name: str, label: str) -> dict[str, float]:
        """Sums of the samples called `name` for each value of `label`; those at zero are left out."""
        values = {one.labels[label] for one in self.samples if one.name == name and label in one.labels}
        return {value: total for value in sorted(values) if (total := self.total(name, **{label: value}))}

    def quantile_bound(self, histogram: str, share: float, since: "Scrape") -> float:
        """The bucket's bound that `share` of the observations since an earlier scrape did not exceed; NaN if none.

        >>> before, after = (parse(f'h_bucket{{le="1"}} {n}\\nh_bucket{{le="+Inf"}} {n + 1}\\n') for n in (0, 3))
        >>> after.quantile_bound("h", 0.5, before), after.quantile_bound("h", 0.5, after)
        (1.0, nan)
        """
        buckets = self.by_label(f"{histogram}_bucket", "le")
        counts = {float(le): n - since.total(f"{histogram}_bucket", le=le) for le, n in buckets.items()}
        observed = max(counts.values(), default=0.0)
        reached = [bound for bound, count in counts.items() if observed and count >= share * observed]
        return min(reached, default=float("nan"))


def parse(text: str) -> Scrape:
    """The metrics in a page of Prometheus' text format."""
    families = text_string_to_metric_families(text)
    return Scrape(tuple(Sample(one.name, one.labels, one.value) for family in families for one in family.samples))


def fetch(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and text of a page; raises OSError or HTTPException if no server answers."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
