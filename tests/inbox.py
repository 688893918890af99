"""Who is told of what happens: a server that takes apprise's alerts."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Inbox:
    """The alerts that came to its address."""

    def __init__(self) -> None:
        self.everything: list[dict[str, str]] = []
        self._read = 0
        told = self.everything

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.append({name: body[name] for name in ("type", "title", "message")})
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing is said of a request."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"json://127.0.0.1:{self._server.server_port}"

    def read(self) -> list[str]:
        """The titles of what came since the last time, in order."""
        new, self._read = self.everything[self._read :], len(self.everything)
        return [alert["title"] for alert in new]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
