"""The lock file: what is installed is exactly what was resolved, byte for byte."""

import re
import tomllib

from tests.worker.process import PROJECT

LOCK = (PROJECT / "requirements.lock").read_text()
# One requirement is a line that begins at the margin, with the lines indented under it.
REQUIREMENTS = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE).strip())


def test_every_requirement_is_pinned_and_has_checksums() -> None:
    assert len(REQUIREMENTS) > 50
    for requirement in REQUIREMENTS:
        assert re.match(r"[a-z0-9.-]+==\S+", requirement), requirement[:80]
        assert "--hash=sha256:" in requirement, requirement[:80]


def test_the_lock_names_no_place_to_fetch_from() -> None:
    assert "://" not in LOCK


def test_every_dependency_of_ours_is_in_the_lock() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = {requirement.split("==")[0] for requirement in REQUIREMENTS}
    assert {re.split(r"[<>=\[]", one)[0] for one in wanted} <= locked
