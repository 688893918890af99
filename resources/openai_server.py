"""What every client of an OpenAI-compatible server needs: its address, the key's header, safe excerpts."""

import re
from typing import Final
from urllib.parse import urlsplit

_EXCERPT: Final = 200
_VERSIONED: Final = re.compile(r"/v\d\w*(?:/|$)")


def versioned(url: str) -> str:
    """The base address of the API with its version, whichever form it was written in."""
    base = url.strip().rstrip("/").removesuffix("/chat/completions")
    return base if _VERSIONED.search(base) else f"{base}/v1"


def host(url: str) -> str:
    """Where a server is, without a password that its address may hold."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "an address without a host"
    except ValueError:
        return "an address that is none"


def headers(key: str, setting: str) -> dict[str, str]:
    """The headers of a request; raises ValueError, naming the setting, for a key that cannot be sent."""
    # The client's own error would show the header, with the key in it.
    if not (key.isascii() and key.isprintable()):
        raise ValueError(f"the key holds characters no key has: mend {setting}")
    named = {"Content-Type": "application/json"}
    return named | {"Authorization": f"Bearer {key}"} if key else named


def excerpt(text: str, key: str = "") -> str:
    """The beginning of what a server said, for a message, without the key, which some servers repeat."""
    hidden = text.replace(key, "***") if key else text
    return " ".join(hidden.split())[:_EXCERPT]
