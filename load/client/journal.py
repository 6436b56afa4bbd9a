"""Remembers on disk how far a replay was acknowledged, so that a restart goes on there (touches one file)."""

from dataclasses import dataclass
from pathlib import Path

import orjson

from load.datasets.errors import LoadError

VERSION = 1


@dataclass(slots=True)
class Journal:
    """Position in one replay: that many of its records, in its order, are acknowledged.

    `replay` identifies data and topics: a file of another replay is refused instead of skipping records.
    Without a path nothing is remembered.
    """

    path: Path | None
    replay: str
    position: int = 0

    @classmethod
    def open(cls, path: Path | None, replay: str) -> "Journal":
        """The journal in `path`, at 0 if there is none; raises LoadError if it is another replay's."""
        if path is None or not path.exists():
            return cls(path, replay)
        try:
            stored = orjson.loads(path.read_bytes())
            version, owner, position = stored["version"], stored["replay"], int(stored["position"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise LoadError(f"{path} is no progress file ({error}); delete it to start over") from error
        if (version, owner) != (VERSION, replay):
            raise LoadError(f"{path} belongs to other data or topics; name another file, or delete it")
        return cls(path, replay, position)

    def acknowledge(self, position: int) -> None:
        """Everything before `position` is acknowledged; a crash leaves the old file or the new one, whole."""
        self.position = position
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_name(f"{self.path.name}.new")
        written.write_bytes(orjson.dumps({"version": VERSION, "replay": self.replay, "position": position}))
        written.replace(self.path)
