"""Reading an answer: what its status means, what type it has, and its body within bounds."""

import re
import zlib
from collections.abc import Iterator
from typing import Final

from resources.fetch_connection import Answer
from resources.fetch_page import FetchFailed

PIECE: Final = 64 * 1024
GOOD: Final = (200, 203)
GONE: Final = (404, 410)
LOGIN: Final = (401, 403, 407)
LATER: Final = (408, 425, 429)
# Protection services that put themselves before a site and name themselves in the answer.
WALLS: Final = ("cloudflare", "akamaighost", "ddos-guard", "datadome", "sucuri", "imperva", "incapsula")
WALL_HEADERS: Final = ("cf-mitigated", "x-datadome", "x-amzn-waf-action")
WINDOW: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
RAW_DEFLATE: Final = -15
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([\w.:+-]+)""", re.IGNORECASE)


def check_status(answer: Answer) -> None:
    """Raise FetchFailed unless the answer is a page."""
    status = answer.status
    if status in GOOD:
        return
    if status in GONE:
        raise FetchFailed("gone", f"the server answers {status}: the page is no more, take it out")
    if _is_wall(answer):
        raise FetchFailed("bot_wall", f"the server answers programs {status}: export the page and give it")
    if status in LOGIN:
        raise FetchFailed("login_page", f"the server answers {status}: export the page and give it")
    transient = status in LATER or status >= 500
    when = answer.headers.get("retry-after", "")[:60]
    mend = f"try again later{f' (Retry-After: {when})' if when else ''}" if transient else "check the address"
    raise FetchFailed("unreachable", f"the server answers {status}: {mend}", transient)


def media_type(answer: Answer) -> tuple[str, str | None]:
    """The media type in lower case, "" where none is named, and the charset."""
    media, _, parameters = answer.headers.get("content-type", "").partition(";")
    charset = _CHARSET.search(parameters)
    return media.strip().lower(), charset[1].lower() if charset else None


def body(answer: Answer, limit: int) -> bytes:
    """The decompressed body; raises FetchFailed as soon as it is known to be over the limit (in bytes)."""
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    data = bytearray()
    for piece in _pieces(answer, limit):
        data += piece
        if len(data) > limit:
            raise _too_large(limit)
    return bytes(data)


def beginning(answer: Answer, limit: int) -> bytes:
    """The first bytes of the decompressed body, no more than the limit; raises FetchFailed."""
    data = bytearray()
    for piece in _pieces(answer, limit):
        data += piece
        if len(data) >= limit:
            break
    return bytes(data[:limit])


def _pieces(answer: Answer, limit: int) -> Iterator[bytes]:
    coding = answer.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return answer.received()
    if coding not in WINDOW:
        detail = f"its content-encoding {coding[:40]!r} was not asked for: the server must send gzip or none"
        raise FetchFailed("wrong_content_type", detail)
    return _inflated(_counted(answer.received(), limit), coding)


def _counted(received: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Compressed data may be endless and still hold nothing."""
    total = 0
    for data in received:
        total += len(data)
        if total > limit:
            raise _too_large(limit)
        yield data


def _inflated(received: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The decompressed data in pieces of at most PIECE bytes, however much a few bytes may stand for."""
    inflate, ended = None, False
    for data in received:
        while data:
            # A body may be several compressed ones after another; other remains are padding.
            if ended and (coding == "deflate" or not data.startswith(b"\x1f")):
                break
            inflate = inflate or zlib.decompressobj(_window(coding, data))
            yield from _output(inflate, data)
            ended = inflate.eof
            data, inflate = (inflate.unused_data, None) if ended else (b"", inflate)
    if inflate is not None:
        raise _broken("it breaks off")


def _output(inflate: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    while True:
        try:
            piece = inflate.decompress(data, PIECE)
        except zlib.error as error:
            raise _broken(str(error)) from None
        yield piece
        data = inflate.unconsumed_tail
        if inflate.eof or (not data and len(piece) < PIECE):
            return


def _window(coding: str, data: bytes) -> int:
    # Some servers send deflate without the zlib header whose low half-byte is 8 (RFC 1950).
    return RAW_DEFLATE if coding == "deflate" and data[0] & 0x0F != 8 else WINDOW[coding]


def _is_wall(answer: Answer) -> bool:
    if any(name in answer.headers for name in WALL_HEADERS):
        return True
    server = answer.headers.get("server", "").lower()
    return answer.status == 403 and any(wall in server for wall in WALLS)


def _too_large(limit: int) -> FetchFailed:
    return FetchFailed("too_large", f"it is over the limit of {limit / 1e6:g} MB: name a smaller page")


def _broken(why: str) -> FetchFailed:
    return FetchFailed(
        "unreachable", f"its compressed body is broken ({why}): try again later", transient=True
    )
