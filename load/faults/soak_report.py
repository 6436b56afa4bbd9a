"""Whether memory grows: a line through samples with its interval, in words and as a picture (touches files)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from load.datasets.errors import LoadError

MB = 1_000_000
# Growth below this share of the level an hour would fill no machine in a week, and is less than the noise of malloc.
FLAT_SHARE_PER_HOUR = 0.02
LEAST_SAMPLES = 8
BLOCKS = 20
STUDENT_95 = 2.1  # quantile for that many blocks


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line: level in MB at its middle, slope in MB/h with its 95 % interval."""

    level_mb: float
    slope_mb_h: float
    low_mb_h: float
    high_mb_h: float

    @property
    def verdict(self) -> str:
        """`flat`, `grows`, `shrinks`, or `not decided` when the interval allows for more than one of them.

        >>> Trend(100.0, 0.5, -0.5, 1.5).verdict, Trend(100.0, 20.0, 15.0, 25.0).verdict
        ('flat', 'grows')
        >>> Trend(100.0, 5.0, -40.0, 50.0).verdict
        'not decided'
        """
        bound = FLAT_SHARE_PER_HOUR * self.level_mb
        if self.high_mb_h <= bound and self.low_mb_h >= -bound:
            return "flat"
        if self.low_mb_h > 0:
            return "grows"
        return "shrinks" if self.high_mb_h < 0 else "not decided"


def trend_of(hours: NDArray[np.float64], memory_mb: NDArray[np.float64]) -> Trend:
    """Least squares over independent blocks; both float64 (n,). Raises LoadError with too few samples.

    Neighbouring samples share their noise, which would make the interval too narrow: blocks of samples are
    averaged first (batch means, Law & Kelton, Simulation Modeling and Analysis, ch. 9).

    >>> hours = np.linspace(0, 1, 160)
    >>> round(trend_of(hours, 100 + 3 * hours).slope_mb_h, 6)
    3.0
    """
    if len(hours) < LEAST_SAMPLES:
        raise LoadError(f"{len(hours)} samples are too few for a slope: let it run longer")
    blocks = min(BLOCKS, len(hours) // 2)
    x = np.array([block.mean() for block in np.array_split(hours, blocks)])
    y = np.array([block.mean() for block in np.array_split(memory_mb, blocks)])
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    rest = y - y.mean() - slope * (x - x.mean())
    error = float(np.sqrt((rest**2).sum() / max(1, blocks - 2) / spread))
    return Trend(float(y.mean()), slope, slope - STUDENT_95 * error, slope + STUDENT_95 * error)


def plot(
    minutes: NDArray[np.float64], memory_mb: NDArray[np.float64], from_minute: float, trend: Trend, file: Path
) -> None:
    """A PNG of the samples and the line; raises LoadError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise LoadError("a plot needs matplotlib: install the requirements of development") from error
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(minutes, memory_mb, linewidth=1, label="memory without mapped files")
    counted = minutes[minutes >= from_minute]
    line = trend.level_mb + trend.slope_mb_h * (counted - counted.mean()) / 60
    low, high = trend.low_mb_h, trend.high_mb_h
    axes.plot(counted, line, linestyle="--", label=f"{trend.slope_mb_h:+.1f} MB/h (95 %: {low:+.1f} to {high:+.1f})")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes")
    axes.set_ylabel("MB")
    axes.set_title(f"Memory of one worker under steady traffic: {trend.verdict}")
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=120)
