"""The git connector: the prose and source files of a repository at one ref, read from a bare mirror.

The mirror is filled by the git executable. Nothing of a repository is ever checked out or run, and no
configuration of the machine takes part, so that neither hooks, filters nor rewritten addresses apply.
"""

import hashlib
import ipaddress
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from llm_twin_assets.contracts import digest
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Item, Unreachable
from llm_twin_assets.sources.reading import MAX_BYTES, Entry, Fields, Refused, author_of
from llm_twin_assets.sources.repository_files import NOTEBOOK, exact_text, is_kept, title_of
from resources.locks import Locks

PARSER = "1"
TIMEOUT_SECONDS = 120
_URL = re.compile(r"https://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?/[\w.~/+%-]+", re.I | re.A)
_REF = re.compile(r"[\w][\w./+-]*", re.A)
_FILE = re.compile(rb"100\d{3} blob ([0-9a-f]+) +(\d+)\t(.+)", re.DOTALL)  # no link, no submodule
_SETTINGS: Final = {
    "protocol.allow": "never",
    "core.hooksPath": os.devnull,
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.followRedirects": "false",
    "http.proxy": "",
}
_PASSED = ("PATH", "GIT_SSL_CAINFO")


class GitConnector:
    """One ref of one repository: its kept files are the items, their blobs' ids the marks.

    `url` is an https address or the absolute path of a local repository, `mirror` the folder in which
    bare mirrors are kept. `include` holds glob patterns that narrow what is kept. `resolved` gives the
    checked network address of an https url, which git then connects to, and raises Refused where that
    is private; without it no https url is read.
    """

    keeps_vanished = False

    def __init__(
        self,
        url: str,
        mirror: Path,
        author: str | None,
        include: Sequence[str] = (),
        ref: str = "HEAD",
        resolved: Callable[[str], str] | None = None,
    ) -> None:
        self.url = url
        self.author = author
        self.include = include
        self.ref = ref
        self._mirror = _Mirror(url, ref, mirror.absolute(), resolved)
        self._sizes: dict[str, int] = {}
        self._history: dict[str, tuple[str, str]] | None = None

    def items(self) -> list[Item]:
        """The kept files at the ref, in the order of their paths; updates the mirror first.

        Raises Refused for an address or ref that is not read, Unreachable where git cannot have it.
        """
        self._mirror.update()
        self._history = None  # what is known of it is of an older commit
        listing = self._mirror.read("ls-tree", "-r", "-z", "-l", "--full-tree", self._mirror.name)
        files = [file for entry in listing.split(b"\0") if (file := _FILE.fullmatch(entry))]
        self._sizes = {file[1].decode(): int(file[2]) for file in files}
        found = [(_path(file[3]), file[1].decode()) for file in files]
        return [Item(f"{self.url}#{path}", blob) for path, blob in found if is_kept(path, self.include)]

    def fetch(self, item: Item) -> bytes:
        """A file's bytes; raises Refused for a notebook, and for a file above the limit unread."""
        if item.name.lower().endswith(NOTEBOOK):
            raise Refused(Reason.WRONG_CONTENT_TYPE, "a notebook: export it as Markdown or as a script")
        blob = item.mark or ""
        size = self._sizes.get(blob)
        if size is None:
            raise Refused(Reason.GONE, "the repository does not hold it: list its items again")
        if size > MAX_BYTES:
            limit = MAX_BYTES // 1_000_000
            raise Refused(Reason.TOO_LARGE, f"{size / 1e6:.0f} MB, the limit is {limit} MB: split the file")
        return self._mirror.read("cat-file", "blob", blob)

    def parse(self, item: Item, data: bytes) -> list[Entry]:
        """The one document of a file; its text's UTF-8 bytes are the file's, nothing is normalised."""
        path = item.name.removeprefix(f"{self.url}#")
        source_hash = digest(PARSER, self.author, hashlib.sha256(data).hexdigest())
        return [Entry(item.name, self._uri(path), source_hash, partial(self._parsed, path, data))]

    def _parsed(self, path: str, data: bytes) -> Fields:
        text = exact_text(data)
        if self._history is None:
            self._history = _added(self._mirror)
        writer, day = self._history.get(path, (None, None))
        return Fields(
            text=text,
            title=title_of(path, text),
            author=author_of(self.author, writer),
            kind="repository",
            platform=urlsplit(self.url).hostname or "git",
            published_at=day,
            language=None,
            uri=self._uri(path),
        )

    def _uri(self, path: str) -> str:
        if not self.url.startswith("https://"):
            return f"git:{Path(self.url).name}/{path}"
        return f"{self.url.rstrip('/').removesuffix('.git')}/blob/{quote(self.ref)}/{quote(path)}"


class _Mirror:
    """A bare repository that holds one ref's history; another process may use it at the same time."""

    def __init__(self, url: str, ref: str, folder: Path, resolved: Callable[[str], str] | None) -> None:
        self.name = f"refs/llm-twin/{digest(ref)[:16]}"
        self._url = url
        self._ref = ref
        self._folder = folder / digest(url)[:32]
        self._resolved = resolved
        self._locks = Locks(folder)
        self._renewed = False

    def update(self) -> None:
        """Bring the mirror to the ref's present state; what stood in it stays where that fails."""
        if not _REF.fullmatch(self._ref) or ".." in self._ref:
            raise Refused(Reason.UNREADABLE, f"ref {self._ref!r}: write a branch, a tag or a commit's id")
        settings = _transport(self._url, self._resolved)
        with self._locks.held(self._folder.name):
            try:
                self._pull(self._folder, settings)
            except _Failed:
                self._clone(settings)  # there is none, it is damaged, or the source is away

    def read(self, *arguments: str) -> bytes:
        """What git prints about the mirror, which is cloned once again where it turns out damaged."""
        try:
            return _git(self._folder, {}, *arguments)
        except _Failed as failed:
            if self._renewed:
                raise Refused(Reason.UNREADABLE, f"git cannot read it ({failed})") from None
        self._renewed = True
        settings = _transport(self._url, self._resolved)
        with self._locks.held(self._folder.name):
            self._clone(settings)
        return self.read(*arguments)

    def _pull(self, folder: Path, settings: dict[str, str]) -> None:
        if not folder.exists():
            raise _Failed("no mirror yet")
        how = ("--quiet", "--no-tags", "--no-write-fetch-head")
        _git(folder, settings, "fetch", *how, "--", self._url, f"+{self._ref}:{self.name}")
        _git(folder, {}, "rev-parse", "--quiet", "--verify", f"{self.name}^{{tree}}")

    def _clone(self, settings: dict[str, str]) -> None:
        """Fill a new folder and put it in the mirror's place: a death on the way leaves no half of one."""
        new, old = self._folder.with_suffix(".new"), self._folder.with_suffix(".old")
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            _git(new, {}, "init", "--quiet", "--bare", "--template=")
            self._pull(new, settings)
        except _Failed as failed:
            raise Unreachable(f"git cannot fetch {self._ref}: {failed}: check url, ref and access") from None
        if self._folder.exists():
            self._folder.rename(old)
        new.rename(self._folder)
        shutil.rmtree(old, ignore_errors=True)


class _Failed(Exception):
    """Git ended with an error; the message is its first line."""


def _transport(url: str, resolved: Callable[[str], str] | None) -> dict[str, str]:
    """The settings that let git use the one way to a url that was checked; raises Refused."""
    if url.startswith("/"):
        if not Path(url).is_dir():
            raise Unreachable("there is no such folder: write the path of a git repository")
        return {"protocol.file.allow": "always"}
    host = _host(url)
    if resolved is None:
        raise Refused(Reason.FORBIDDEN_ADDRESS, "its network address was not checked")
    address = resolved(url)
    _check_version()
    pinned = f"[{address}]" if ":" in address else address
    port = urlsplit(url).port or 443
    return {"protocol.https.allow": "always", "http.curloptResolve": f"{host}:{port}:{pinned}"}


def _check_version() -> None:
    """Older versions of git do not know the setting that pins an address, and would pass over it."""
    words = _git(Path("/"), {}, "version").decode()
    found = re.search(r"(\d+)\.(\d+)", words)
    if not found or (int(found[1]), int(found[2])) < (2, 37):
        raise Refused(Reason.NEEDS_EXTRA, f"{words.strip()}: install git 2.37 or newer")


def _host(url: str) -> str:
    """The host of a url that every reader of urls takes apart alike; raises Refused.

    A host that ends in a number or in a dot is an address or a name to one reader and not to another.
    """
    known = _URL.fullmatch(url)
    if not known:
        mend = "write https://host/path without user, password, query or fragment, or an absolute path"
        raise Refused(Reason.FORBIDDEN_ADDRESS, f"no address that is read: {mend}")
    host = known["host"].lower()
    if re.fullmatch(r"(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*", host):
        return host
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise Refused(Reason.FORBIDDEN_ADDRESS, f"{host}: write a full host name") from None
    return host


def _git(folder: Path, settings: dict[str, str], *arguments: str) -> bytes:
    """What git prints; raises _Failed, Unreachable after the timeout, Refused where there is no git."""
    pairs = (_SETTINGS | settings).items()
    options = [word for name, value in pairs for word in ("-c", f"{name}={value}")]
    try:
        process = subprocess.Popen(
            ["git", *options, *arguments],
            cwd="/",
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise Refused(Reason.NEEDS_EXTRA, "the git executable is not on the PATH: install git") from None
    return _output(process)


def _output(process: subprocess.Popen[bytes]) -> bytes:
    try:
        out, complaint = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its helpers too, which hold the connection
        process.communicate()
        raise Unreachable(f"git took more than {TIMEOUT_SECONDS} seconds: try again") from None
    if process.returncode:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        raise _Failed(lines[0] if lines else f"exit code {process.returncode}")
    return out


def _environment(folder: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return passed | {
        "GIT_DIR": str(folder),
        "HOME": str(folder),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def _added(mirror: _Mirror) -> dict[str, tuple[str, str]]:
    """Who first committed each path, and on which day (YYYY-MM-DD); one pass over the history.

    Parents come before children, so the first time a path was added counts; -c sees what only a
    merge added. Names follow the repository's .mailmap.
    """
    shown = ("--topo-order", "--reverse", "-c", "--no-renames", "--diff-filter=A", "--name-only")
    log = mirror.read("log", "-z", *shown, "--format=%x01%aN%x02%as", mirror.name, "--")
    added: dict[str, tuple[str, str]] = {}
    commit = ("", "")
    for field in log.split(b"\0"):
        if field.startswith(b"\x01"):
            writer, _, day = field[1:].decode("utf-8", "replace").partition("\x02")
            commit = (writer, day)
        elif name := field.removeprefix(b"\n"):
            added.setdefault(_path(name), commit)
    return added


def _path(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
