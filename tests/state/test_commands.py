"""`tastestream state` and `tastestream rebuild` as a person calls them; the Kafka side is tested where it is used."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from tests.state.builders import Fold, touch
from workers.cli.app import app
from workers.errors import ConfigurationError

LOG = [touch("a", 1), touch("b", 2)]


def written(path: Path, fold: Fold) -> str:
    path.write_bytes(orjson.dumps(fold.digest()))
    return str(path)


def test_equal_states_are_said_to_be_equal(tmp_path: Path) -> None:
    first, second = (written(tmp_path / name, Fold().publish(LOG)) for name in ("a.json", "b.json"))
    ended = CliRunner().invoke(app, ["state", "diff", first, second])
    assert (ended.exit_code, ended.stdout) == (0, "the states are equal\n")


def test_unlike_states_are_told_row_by_row_with_exit_code_1(tmp_path: Path) -> None:
    first = written(tmp_path / "a.json", Fold().publish(LOG))
    second = written(tmp_path / "b.json", Fold().publish([*LOG, touch("c", 3)]))
    ended = CliRunner().invoke(app, ["state", "diff", first, second])
    assert ended.exit_code == 1
    assert "counts: rows 2 against 3" in ended.stdout
    assert "counts 'c': only in the second" in ended.stdout


def test_repeats_in_a_log_move_only_what_counts_records(tmp_path: Path) -> None:
    log = [touch("a", 1, event_id="1"), touch("b", 2, event_id="2"), touch("b", 3, "v", event_id="3")]
    first = written(tmp_path / "a.json", Fold().publish(log))
    second = written(tmp_path / "b.json", Fold().publish([copy for event in log for copy in (event, event)]))
    assert CliRunner().invoke(app, ["state", "diff", first, second]).exit_code == 1
    assert CliRunner().invoke(app, ["state", "diff", first, second, "--other-log"]).exit_code == 0


@pytest.mark.parametrize("content", [b"{}", b"not json", b"[]", b'{"format": 1, "tables": {"users": {}}}'])
def test_a_file_that_is_no_digest_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    ended = CliRunner().invoke(app, ["state", "diff", str(path), str(path)])
    assert isinstance(ended.exception, ConfigurationError)
    assert str(path) in str(ended.exception)


def test_show_wants_one_user_or_one_item() -> None:
    assert isinstance(CliRunner().invoke(app, ["state", "show"]).exception, ConfigurationError)
    assert isinstance(CliRunner().invoke(app, ["state", "show", "u", "--item", "i"]).exception, ConfigurationError)


def test_a_rebuild_since_no_time_is_refused_before_anything_is_looked_at() -> None:
    assert CliRunner().invoke(app, ["rebuild", "--since", "yesterday"]).exit_code == 2
