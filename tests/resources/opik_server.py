"""A contract server for Opik's API on loopback: strict about every body, stateful, and able to misbehave."""

import contextlib
import gzip
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from resources.opik_settings import OpikPlace
from tests.resources.opik_contract import faults, without_nulls
from tests.resources.opik_state import State, routed

API = "/api"


class OpikServer:
    """`violations`: what real Opik would not have taken. `calls`: (method, path, body) in order.

    `misbehave` with: a status to answer and do nothing; "hang", never to answer; "lose", to do as asked
    and drop the connection; "half", to do half of it and drop it; "take", to do as asked and then hang.
    """

    def __init__(self, key=None):
        self.state, self.violations, self.calls, self.headers = State(), [], [], []
        self.key, self.hanging = key, 0
        self._faults, self._lock, self._released = [], threading.Lock(), threading.Event()
        self._port, self._server = 0, None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}{API}"

    def place(self, **fields):
        return OpikPlace(**{"url": self.url, "project": "twins", **fields})

    def start(self):
        """Listen, after `stop` on the same port again; nothing was forgotten."""
        self._released.clear()
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.opik = self
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        """Refuse connections; whoever hangs is let go."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def misbehave(self, fault, times=10**6, path="", skip=0, headers=None):
        """Do so for the next `times` requests whose path holds `path`, after `skip` good ones."""
        with self._lock:
            self._faults = [{"fault": fault, "times": times, "path": path, "skip": skip, "headers": headers}]

    def behave(self):
        """Be good again; whoever hangs is let go."""
        with self._lock:
            self._faults = []
        self._released.set()
        self._released = threading.Event()

    def fault(self, path):
        """What is to go wrong with this request, if anything."""
        with self._lock:
            for one in self._faults:
                if one["path"] not in path or one["times"] <= 0:
                    continue
                if one["skip"]:
                    one["skip"] -= 1
                    return None, {}
                one["times"] -= 1
                return one["fault"], one["headers"] or {}
        return None, {}

    def hang(self):
        self.hanging += 1
        self._released.wait(300)
        self.hanging -= 1

    def done(self, method, path, body):
        """(status, answer) of a request; notes what was wrong with it."""
        with self._lock:
            self.calls.append((method, path, body))
            found = routed(method, path)
            if found is None:
                self.violations.append(f"{method} {path}: no such route")
                return 404, {"message": "no such route"}
            written, values = found
            wrong = faults(method, written, body)
            if wrong:
                self.violations += [f"{method} {written}: {one}" for one in wrong]
                return 422, {"errors": wrong[:5]}
            return self.state.reply(method, written, values, body)

    def bodies(self, path):
        """What was sent to a path."""
        return [body for _, called, body in self.calls if called == path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A client that is killed is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._serve(None)

    def do_POST(self):
        self._serve(self._body())

    do_PUT = do_PATCH = do_DELETE = do_POST

    def _body(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        return without_nulls(json.loads(raw)) if raw else None

    def _serve(self, body):
        opik = self.server.opik
        path = self.path.split("?")[0].removeprefix(API)
        opik.headers.append(dict(self.headers))
        if opik.key is not None and self.headers.get("Authorization") != opik.key:
            self._answer(401, {"message": "the key is not known"})
            return
        fault, headers = opik.fault(path)
        if fault in ("hang", "take"):
            if fault == "take":
                opik.done(self.command, path, body)
            opik.hang()
            self._drop()
        elif fault in ("lose", "half"):
            opik.done(self.command, path, _half(body) if fault == "half" else body)
            self._drop()
        elif fault is not None:
            self._answer(fault, {"message": "misbehaving"}, headers)
        else:
            self._answer(*opik.done(self.command, path, body))

    def _answer(self, status, answer, headers=None):
        stream = isinstance(answer, list)
        text = "".join(f"{json.dumps(line)}\n" for line in answer) if stream else json.dumps(answer)
        content = b"" if answer is None else text.encode()
        self.send_response_only(status)
        kind = "application/octet-stream" if stream else "application/json"
        told = {"Content-Type": kind, **(headers or {})}
        if status != 204:
            told["Content-Length"] = str(len(content))
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _drop(self):
        """End the connection with no answer."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *words):
        pass


def _half(body):
    return {name: v[: (len(v) + 1) // 2] if isinstance(v, list) else v for name, v in (body or {}).items()}
