"""Untrusted bytes and texts, shown to a person: no markup, no control characters (no I/O)."""

import orjson
from rich.text import Text

from workers.errors import BadRecordError
from workers.records.wire import parse_json

BYTES_A_LINE = 16


def shown(text: str, max_chars: int = 60) -> Text:
    """One line of plain text, whatever it contains."""
    printable = "".join(char if char.isprintable() else "�" for char in text[: max_chars + 1])
    return Text(printable if len(printable) <= max_chars else printable[:max_chars] + "…")


def short(content: bytes | None) -> str:
    """Bytes on one line: text where they are some, else hexadecimal.

    >>> short(b"u1"), short(b"\\xff\\x00"), short(None)
    ('u1', '0xff00', '–')
    """
    if content is None:
        return "–"
    text = _printable(content)
    return "0x" + content.hex() if text is None else text


def whole(content: bytes) -> str:
    """All of it: JSON on lines of its own, other text as it is, anything else as a dump.

    >>> print(whole(b'{"a":1}'))
    {
      "a": 1
    }
    >>> print(whole(b"no\\xffJSON"))
    00000000  6e 6f ff 4a 53 4f 4e                             |no.JSON|
    """
    try:
        return orjson.dumps(parse_json(content), option=orjson.OPT_INDENT_2).decode()
    except BadRecordError:
        text = _printable(content)
        return _dump(content) if text is None else text


def _printable(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if all(char.isprintable() or char in "\n\t" for char in text) else None


def _dump(content: bytes) -> str:
    starts = range(0, len(content), BYTES_A_LINE)
    return "\n".join(_dump_line(start, content[start : start + BYTES_A_LINE]) for start in starts)


def _dump_line(start: int, part: bytes) -> str:
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
    return f"{start:08x}  {part.hex(' '):<{BYTES_A_LINE * 3}} |{text}|"
