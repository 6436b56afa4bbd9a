"""Pieces of JSON that may have any type, read without surprises."""

from typing import Any

from workers.errors import BadRecordError
from workers.records.codes import Reason

Object = dict[str, Any]


def as_object(value: Any) -> Object:
    """The JSON object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The JSON list, or an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def only(events: Any) -> Object:
    """The one event of a list; raises `BadRecordError` for none or several, which would share one offset."""
    if not isinstance(events, list) or len(events) != 1:
        raise BadRecordError(Reason.SEVERAL_EVENTS, "the record holds a list of events: send each as its own record")
    return as_object(events[0])


def plain(values: Object) -> Object:
    """Those that can be attributes: texts, numbers, truth values, flat lists of them; nested ones are left out.

    >>> plain({"age": 33, "address": {"city": "Utrecht"}, "likes": ["noir"], "plan": None})
    {'age': 33, 'likes': ['noir'], 'plan': None}
    """
    return {name: value for name, value in values.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    parts = value if isinstance(value, list) else [value]
    return value is None or all(isinstance(part, str | int | float) for part in parts)
