"""A small site on loopback: pages that a test sets, with ETags, redirects and a count of requests."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from resources.fetcher import Fetcher

ROBOTS = "/robots.txt"


@dataclass
class Site:
    """`pages` maps a path to (status, headers, body); `answers` lists (path, status) as they went out."""

    base: str = ""
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    answers: list[tuple[str, int]] = field(default_factory=list)

    def put(self, path: str, body: str | bytes, content_type: str = "text/html; charset=utf-8") -> str:
        """Set what stands at a path; BASE in a text becomes the site's address. Gives its address."""
        data = body if isinstance(body, bytes) else body.replace("BASE", self.base).encode()
        self.pages[path] = (200, {"Content-Type": content_type}, data)
        return self.base + path

    def redirect(self, path: str, target: str) -> str:
        self.pages[path] = (302, {"Location": target}, b"")
        return self.base + path

    def fail(self, path: str, status: int) -> str:
        self.pages[path] = (status, {"Content-Type": "text/html"}, b"<p>An error.</p>")
        return self.base + path

    def asked(self) -> list[tuple[str, int]]:
        """What was asked for since the last time, without robots.txt."""
        seen, self.answers = self.answers, []
        return [answer for answer in seen if answer[0] != ROBOTS]


@contextmanager
def serving() -> Iterator[Site]:
    """A site on a free port, with a robots.txt that allows everything but /private/."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    site.base = f"http://127.0.0.1:{server.server_port}"
    site.put(ROBOTS, "User-agent: *\nDisallow: /private/\n", "text/plain")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fetcher(folder: Path) -> Fetcher:
    """A fetcher that may reach the site, with its cache below a folder."""
    return Fetcher(folder / "http", allowed_networks=["127.0.0.0/8"], pause_seconds=0)


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        status, headers, body = self.site.pages.get(self.path, (404, {"Content-Type": "text/html"}, b""))
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if status == 200 and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        self.site.answers.append((self.path, status))
        self.send_response(status)
        tag = {"ETag": etag} if status in (200, 304) else {}
        for name, value in (tag | headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
