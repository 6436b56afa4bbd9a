"""Times as a person types them."""

import re
import time

import typer
from pydantic_core import PydanticCustomError

from workers.records.times import event_time_ms

_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def span_ms(text: str) -> int:
    """Milliseconds of `24h` or `30m`; raises `typer.BadParameter`.

    >>> span_ms("24h")
    86400000
    """
    given = _AGO.fullmatch(text)
    if given is None:
        raise typer.BadParameter(f"{text!r} is no span of time: 30m, 24h, 7d")
    return int(given[1]) * _UNIT_S[given[2]] * 1000


def moment_ms(text: str) -> int:
    """Epoch ms of `2h` (so long ago), or of a zoned ISO 8601 time; raises `typer.BadParameter`.

    >>> moment_ms("2024-05-01T12:00:00Z")
    1714564800000
    """
    ago = _AGO.fullmatch(text)
    if ago:
        return int((time.time() - int(ago[1]) * _UNIT_S[ago[2]]) * 1000)
    try:
        return event_time_ms(text)
    except PydanticCustomError as error:
        raise typer.BadParameter(f"{text!r}: {error.message()}; or say how long ago: 30m, 2h, 7d") from None
