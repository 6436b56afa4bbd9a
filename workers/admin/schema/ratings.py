"""On which scale a sample's ratings are."""

from collections.abc import Sequence

from workers.records.mapping import SCALE_OF_FILE
from workers.records.scale import RatingScale

MIN_INSIDE = 0.98  # of the ratings; the others may be mistakes of a client
COMMON = tuple(
    RatingScale(low, high, named_by=SCALE_OF_FILE)
    for low, high in ((0, 1), (-1, 1), (1, 5), (0, 5), (1, 10), (0, 10), (0, 100), (-5, 5), (-10, 10), (-100, 100))
)
"""From narrow to wide: the first one that holds the ratings is the likeliest."""


def proposed_scale(ratings: Sequence[float], given: RatingScale) -> RatingScale | None:
    """The scale to write into a mapping file; None where the given one holds these ratings, or no common one does.

    >>> str(proposed_scale([1, 7, 10], RatingScale())), proposed_scale([3, 4.5], RatingScale())
    ('1 to 10', None)
    """
    if not ratings or _holds(given, ratings):
        return None
    return next((scale for scale in COMMON if _holds(scale, ratings)), None)


def _holds(scale: RatingScale, ratings: Sequence[float]) -> bool:
    return sum(scale.low <= rating <= scale.high for rating in ratings) >= MIN_INSIDE * len(ratings)
