"""What a value or a type of Python is called in JSON: clients have never heard of dicts."""

import re
from typing import Any

_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    tuple: "array",
    dict: "object",
}
# What pydantic says, in its order of matching, and what it means to the author of JSON.
_WORDS = (
    (re.compile(r"^(Value error|Assertion failed), "), ""),
    (re.compile(r"a valid (dictionary|mapping)( or (instance|object) .*)?$"), "an object"),
    (re.compile(r"a valid (list|tuple|set|frozenset)\b"), "an array"),
    (re.compile(r"^(List|Tuple|Set|Frozenset)\b"), "Array"),
    (re.compile(r"^Dictionary\b"), "Object"),
    (re.compile(r"\bNone\b"), "null"),
)


def json_type(value: Any) -> str:
    """The type of a decoded JSON value.

    >>> json_type(None), json_type([]), json_type(1.5), json_type("a")
    ('null', 'array', 'number', 'string')
    """
    return _TYPES.get(type(value), "value")


def in_json_words(message: str) -> str:
    """A message of pydantic without the names of Python's types.

    >>> in_json_words("Input should be a valid list")
    'Input should be an array'
    >>> in_json_words("List should have at most 2 items after validation, not 3")
    'Array should have at most 2 items after validation, not 3'
    >>> in_json_words("Value error, 'x' has no weight")
    "'x' has no weight"
    """
    for pattern, word in _WORDS:
        message = pattern.sub(word, message)
    return message
