"""What a person reads of a detection."""

from io import StringIO

import orjson
from rich.console import Console

from workers.admin.schema.detect import detect
from workers.admin.schema.found import Sampled
from workers.admin.schema.report import detection_report, shortfall


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


def test_a_shortfall_says_what_is_missing_and_how_to_write_it_by_hand() -> None:
    bodies = [{"wer": f"p{n}", "event": "ZAP", "blah": {"x\x1b": "y"}} for n in range(3)]
    text = shortfall(detect([Sampled(orjson.dumps(body)) for body in bodies], "interaction")).plain
    for part in (
        "0.0%",
        "missing: user_id or anonymous_id",
        "'ZAP'",
        "wer",
        '"ZAP": "TYPE"',
        "TASTESTREAM_IGNORED",
    ):
        assert part in text
    assert '"PATH OF item_id or items": "item_id"' in text and "\x1b" not in text


def test_scale_ignored_events_and_schemas_are_shown() -> None:
    rated = {"event_type": "rating", "user_id": "u", "item_id": "i", "value": 9}
    assert "ratings: 9 to 9, on the scale 1 to 10" in printed(rated)
    assert "not counted in these shares: 1" in printed(rated, {**rated, "event_type": "page_view"})
    console = Console(width=160, record=True, file=StringIO())
    console.print(detection_report(detect([Sampled(b"\x00\x00\x00\x00\x07\x02avro")], "interaction")))
    assert "schema ids 7" in console.export_text()
