"""The scripts of deploy/, loaded as the workflows and the image start them: from their own folder."""

import fnmatch
import http.server
import importlib
import json
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.loopback import served

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def script(name):
    """deploy/NAME.py as a module."""
    if str(DEPLOY) not in sys.path:
        sys.path.insert(0, str(DEPLOY))
    return importlib.import_module(name)


def ignored(path):
    """Whether .dockerignore keeps a path from the builder; the last pattern that fits decides."""
    kept_out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!").removeprefix("**/")
        if not line or line.startswith("#"):
            continue
        parts = [path, *map(str, Path(path).parents)] if "**/" not in line else Path(path).parts
        if any(fnmatch.fnmatch(part, pattern) for part in parts if part != "."):
            kept_out = not line.startswith("!")
    return kept_out


@contextmanager
def serving(answer):
    """A server on loopback; `answer(path, headers, body)` gives status and JSON. Yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, said = answer(self.path, dict(self.headers), body)
            told = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST

        def log_message(self, *words):
            pass

    with served(Handler) as address:
        yield address
