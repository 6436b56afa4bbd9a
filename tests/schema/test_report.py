"""What a person reads of a detection."""

from io import StringIO

import orjson
from rich.console import Console

from workers.schema.detect import detect
from workers.schema.found import Sampled
from workers.schema.report import detection_report


def printed(*bodies: dict[str, object]) -> str:
    console = Console(width=160, record=True, file=StringIO())
    console.print(detection_report(detect([Sampled(orjson.dumps(body)) for body in bodies], "interaction")))
    return console.export_text()


def test_fields_events_and_shares_are_shown() -> None:
    text = printed({"customer": "u1", "sku": "a", "action": "ITEM_VIEWED", "ts": 1_714_564_800}, {"action": "teleport"})
    for part in ("customer", "50.0%", "ITEM_VIEWED", "guessed", "teleport", "epoch s (1)", "unknown_event_type (1)"):
        assert part in text


def test_names_of_the_topic_are_no_markup_and_no_control_characters() -> None:
    text = printed({"event_type": "[red]\x1b[31mview", "user_id": "u1", "item_id": "a"})
    assert "[red]�[31mview" in text
