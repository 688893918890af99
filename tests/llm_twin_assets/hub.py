"""A dataset hub on loopback: as much of its interface as one commit of small files needs."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOME = "https://huggingface.co/datasets/ada/voice"
COMMIT = f"{HOME}/commit/1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.calls.append((self.path, body, self.headers["Authorization"]))
        status, answer = self.server.answer(self.path, body)
        self.send_response_only(status)
        text = json.dumps(answer).encode()
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass


class Hub(ThreadingHTTPServer):
    """`calls` are path, body and authorization of each request; `answer` makes status and JSON."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls, self.answer = [], accepting
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


def accepting(path, body):
    """Takes whatever it is given."""
    if path.endswith("/preupload/main"):
        named = json.loads(body)["files"]
        kept = {"uploadMode": "regular", "shouldIgnore": False}
        return 200, {"files": [{"path": each["path"]} | kept for each in named]}
    if path.endswith("/commit/main"):
        return 200, {"commitUrl": COMMIT, "commitOid": "1"}
    return 200, {"url": HOME}
