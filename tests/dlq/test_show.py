"""What a person reads of letters."""

from collections import deque
from io import StringIO

from rich.console import Console, RenderableType

from tests.dlq.builders import letter, refused
from workers.admin.dead_letters.advice import ADVICE, advice_on
from workers.admin.dead_letters.show import counts_table, letter_view, letters_table
from workers.admin.dead_letters.summary import Summary
from workers.records.codes import Reason


def printed(view: RenderableType, width: int = 200) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(view)
    return console.export_text()


def test_every_reason_has_an_advice() -> None:
    assert set(ADVICE) == set(Reason)
    assert "another version" in advice_on("of tomorrow")


def test_counts_are_by_topic_and_reason_and_the_newest_are_shown() -> None:
    summary = Summary(deque(maxlen=2))
    for number in range(5):
        summary.add(letter(offset=number), was_replayed=number < 1)
    summary.add(letter(code="wrong_type"), was_replayed=False)
    assert (summary.open, [one.offset for one in summary.newest]) == (5, [4, 17])
    text = printed(counts_table(summary))
    [line] = [line for line in text.splitlines() if "unknown_event_type" in line]
    assert [cell.strip() for cell in line.split("│")[1:-1]][2:5] == ["4", "1", "1"]
    assert "0:4" in printed(letters_table(summary.newest))


def test_no_name_is_cut_on_80_columns() -> None:
    summary = Summary(deque(maxlen=2))
    summary.add(letter(code="unknown_event_type"), was_replayed=False)
    for view in (counts_table(summary, 80), letters_table(summary.newest, 80)):
        text = printed(view, width=80)
        assert "user-interactions" in text and "unknown_event_type" in text and "…" not in text


def test_a_letter_is_shown_whole() -> None:
    text = printed(letter_view(letter(), ""))
    for part in ("user-interactions/3/41", "attempt 1", "2024-05-01 12:00:00Z", '"event_type": "teleport"', "0xfe"):
        assert part in text
    assert "tastestream schema detect" in text and "BadRecordError" in text


def test_bytes_are_shown_as_a_dump_and_control_characters_are_harmless() -> None:
    text = printed(letter_view(letter(refused(key=b"\x1b[31m", value=b"\x00\xff[red]")), "no way"))
    assert "00 ff 5b 72 65 64 5d" in text and "|..[red]|" in text
    assert "\x1b" not in text
    assert "It can't be replayed: no way." in text
