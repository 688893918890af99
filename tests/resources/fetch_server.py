"""Web servers on loopback for tests of the fetcher: one that serves pages, and one that misbehaves."""

import contextlib
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from resources.fetcher import FetchFailed

HTML = {"text/html"}


def failed(fetcher, url, types=HTML):
    with pytest.raises(FetchFailed) as caught:
        fetcher.get(url, types)
    return caught.value


def told(failure):
    return failure.reason, failure.transient


def page(body=b"words", status=200, content_type="text/html", **headers):
    """A page that is the same for everyone; header names are written with underscores."""

    def answer(request):
        named = {"Content-Type": content_type, "Content-Length": str(len(body))}
        named |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        request.answer(status, body, named)

    return answer


def redirect(location, status=302):
    return page(b"", status, location=location)


def validated(state):
    """A page that answers 304 where it is asked about its ETag and Last-Modified; `state` may change."""

    def answer(request):
        etag, modified = state.get("etag"), state.get("modified")
        asked = (request.headers["If-None-Match"], request.headers["If-Modified-Since"])
        same = any(asked) and asked == (etag, modified)
        named = {"ETag": etag, "Last-Modified": modified, "Content-Type": "text/html"}
        body = b"" if same else state["body"]
        if not same:
            named["Content-Length"] = str(len(body))
        request.answer(304 if same else 200, body, {name: value for name, value in named.items() if value})

    return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server.site
        site.requests.append((self.path, dict(self.headers)))
        site.pages.get(self.path, page(status=404))(self)

    def answer(self, status, body, headers):
        self.server.site.statuses.append((self.path, status))
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *words):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class _Server6(_Server):
    address_family = socket.AF_INET6


class Site:
    """A server with pages by path; remembers every request and every status."""

    def __init__(self, host="127.0.0.1", port=0, tls=None):
        self.pages, self.requests, self.statuses = {}, [], []
        self._server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
        self._server.site = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.scheme = "https" if tls else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def url(self, path="/", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def paths(self):
        return [path for path, _ in self.requests]

    def count(self, path, status):
        return self.statuses.count((path, status))

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Raw:
    """A server whose every connection is handled by `script(connection, stopped)`, byte by byte."""

    def __init__(self, script):
        self.stopped = threading.Event()
        self.left = threading.Event()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    script(self.request, outer.stopped)
                except OSError:
                    outer.left.set()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, path="/", scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def close(self):
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


def after_robots(script):
    """A script for the page's connection; robots.txt is answered with 404."""

    def run(connection, stopped):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        if head.startswith(b"GET /robots.txt "):
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            script(connection, stopped)

    return run


def trickle(start, more):
    """Send `start`, then `more` again and again, slowly and for ever."""

    def script(connection, stopped):
        connection.sendall(start)
        while not stopped.wait(0.02):
            connection.sendall(more)

    return script
