"""More of an answer: the token that a reply gives as `next`, and what it says when it comes back.

A token holds all that a worker must know to go on: the answer's id and the keys of what was returned. Nothing is
kept on the server, so any worker can go on, also after a crash or a hand-over. It is not signed: a client that
makes up one of its own leaves out other items than it got, and nothing else.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from models.primitives.ids import item_key
from workers.errors import BadRecordError
from workers.records.codes import RequestFailure
from workers.records.request import Request

# Items that the pages of one answer show at most: 8 bytes each, 10.7 KB of text in the last token. No user turns
# a hundred pages; more would make requests and searches grow without end.
MAX_SHOWN = 1_000

_VERSION = 1
_KEY_BYTES = 8
_DIGEST_BYTES = 8
_HEAD = struct.Struct("<B8sB")


@dataclass(frozen=True, slots=True)
class Page:
    """Where an answer goes on; `returned` are the keys of its items so far, in the order of their ranks."""

    recommendation_id: str
    returned: tuple[int, ...] = ()


def page_of(request: Request, recommendation_id: str) -> Page:
    """The page that a request asks for: the first of `recommendation_id`, or the one that its `next` names.

    Raises `BadRecordError` for a token that is truncated, made up, or of another request.
    """
    if request.next is None:
        return Page(recommendation_id)
    fingerprint, page = _opened(request.next)
    if fingerprint != _fingerprint(request):
        raise _invalid("is of another request: ask with the same kind, user, items, text and filters")
    return page


def next_page(request: Request, page: Page, returned: Iterable[str]) -> str | None:
    """The token for what comes after `page` with the items `returned`; None past the most that pages show."""
    keys = (*page.returned, *map(item_key, returned))
    if len(keys) >= MAX_SHOWN:
        return None
    name = page.recommendation_id.encode()
    head = _HEAD.pack(_VERSION, _fingerprint(request), len(name))
    return _sealed(b"".join((head, name, np.array(keys, dtype="<u8").tobytes())))


def _fingerprint(request: Request) -> bytes:
    """What must stay the same from page to page; limit, exclude and the like may change."""
    asked: Sequence[object] = (
        request.kind,
        request.user_id,
        request.anonymous_id,
        request.session_id,
        request.item_ids,
        request.text,
        request.personalised,
        request.by,
        request.filters.model_dump_json(),
    )
    return blake2b(repr(asked).encode(), digest_size=8).digest()


def _sealed(content: bytes) -> str:
    digest = blake2b(content, digest_size=_DIGEST_BYTES).digest()
    return urlsafe_b64encode(content + digest).rstrip(b"=").decode()


def _opened(token: str) -> tuple[bytes, Page]:
    try:
        sealed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (NotBase64, UnicodeEncodeError):
        raise _torn() from None
    content = sealed[:-_DIGEST_BYTES]
    if len(content) < _HEAD.size or _sealed(content) != token:
        raise _torn()
    version, fingerprint, size = _HEAD.unpack_from(content)
    keys = content[_HEAD.size + size :]
    if version != _VERSION or len(keys) % _KEY_BYTES or len(keys) > MAX_SHOWN * _KEY_BYTES:
        raise _torn()
    name = content[_HEAD.size : _HEAD.size + size].decode(errors="replace")
    return fingerprint, Page(name, tuple(np.frombuffer(keys, dtype="<u8").tolist()))


def _torn() -> BadRecordError:
    return _invalid("is not what a reply gave: send it unchanged, or ask without it for the first page")


def _invalid(problem: str) -> BadRecordError:
    return BadRecordError(RequestFailure.INVALID_PAGE, f"the page token in 'next' {problem}")
