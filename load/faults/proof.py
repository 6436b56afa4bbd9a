"""One line of what was proved (no I/O)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether it `holds`, of how many rows; `lines`: what was seen, or what differs."""

    what: str
    rows: int
    holds: bool
    lines: tuple[str, ...] = ()
