"""Copies of pages, so that what has not changed is not sent again."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.fetch_page import Page
from resources.files import replacing


@dataclass(frozen=True)
class Copy:
    """A page and the validators that its server gave with it (RFC 9110, section 8.8)."""

    page: Page
    etag: str | None
    modified: str | None

    def question(self) -> dict[str, str]:
        """The headers that ask whether the page is still the same."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in asked.items() if value}


class Cache:
    """One file for each address: a line that describes the page, and its body."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, url: str) -> Copy | None:
        """The copy of what an address gave; None where there is none, or none that is whole."""
        try:
            line, _, body = self._path(url).read_bytes().partition(b"\n")
            told = json.loads(line)
            if told["address"] != url or told["sha256"] != hashlib.sha256(body).hexdigest():
                return None
            return Copy(Page(body=body, **told["page"]), told["etag"], told["modified"])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def write(self, url: str, copy: Copy) -> None:
        """Keep a copy; one without validators could never be asked about, so it is not kept."""
        if not copy.question():
            self.drop(url)
            return
        described = {name: value for name, value in asdict(copy.page).items() if name != "body"}
        told = {
            "address": url,
            "page": described,
            "etag": copy.etag,
            "modified": copy.modified,
            "sha256": hashlib.sha256(copy.page.body).hexdigest(),
        }
        with replacing(self._path(url)) as temporary:
            temporary.write_bytes(json.dumps(told).encode() + b"\n" + copy.page.body)

    def drop(self, url: str) -> None:
        """Drop the copy of what an address gave, where there is one."""
        self._path(url).unlink(missing_ok=True)

    def forget(self, url: str) -> bool:
        """Drop every copy of a page, whichever address led to it, and say whether there was one."""
        own = self._path(url)
        found = [path for path in self._folder.glob("*") if path == own or url in _addresses(path)]
        for path in found:
            path.unlink(missing_ok=True)
        return bool(found)

    def _path(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode()).hexdigest()


def _addresses(path: Path) -> tuple[str, ...]:
    """The address that was asked for, and the one where the page stood; none where the copy is not whole."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.readline())
        return told["address"], told["page"]["url"]
    except (OSError, ValueError, LookupError, TypeError):
        return ()
