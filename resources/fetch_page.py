"""What a fetch gives, how much it may take, and how it fails."""

from dataclasses import dataclass
from typing import Final, Literal

# Values of reasons.Reason, written out so that this package stays light.
FetchReason = Literal[
    "too_large",
    "forbidden_address",
    "wrong_content_type",
    "gone",
    "unreachable",
    "disallowed_by_robots",
    "bot_wall",
    "login_page",
]


class FetchFailed(Exception):
    """An address gave no page. `detail` says what is wrong and the mend.

    `transient` says that the same request may work later: nothing is known against the page itself.
    """

    def __init__(self, reason: FetchReason, detail: str, transient: bool = False) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: str = reason
        self.detail = detail
        self.transient = transient


@dataclass(frozen=True)
class Limits:
    """How much one fetch may take: bytes of a decompressed body, and seconds from connect to last byte.

    The seconds are for all redirects of a fetch together, without the pauses between requests.
    """

    seconds: float = 30.0
    body_bytes: int = 10_000_000


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True)
class Page:
    """What stands at an address.

    `url` is the final address, without fragment; `body` is decompressed; `content_type` is the media
    type in lower case, without parameters; `mark` is the ETag, else Last-Modified, else the SHA-256
    (hex) of the body.
    """

    url: str
    body: bytes
    content_type: str
    charset: str | None
    mark: str
