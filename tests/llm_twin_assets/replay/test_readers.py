"""Readers before a server that is away, or that something else stands for: they say so, and go on."""

import http.server
import threading

import pytest

from llm_twin_assets.replay.readers import Readers, Reply
from llm_twin_assets.replay.stream import Ask, Said


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Answers as a proxy does whose server is away."""

    def do_GET(self):
        self.send_response(502)
        self.end_headers()
        self.wfile.write(b"<html>Bad Gateway</html>")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture(params=["away", "proxy"])
def readers(request):
    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        if request.param == "away":
            server.server_close()
        else:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        with Readers(url, "none", "ada") as made:
            yield made
        if request.param == "proxy":
            server.shutdown()


def test_what_cannot_be_asked_or_judged_is_told_and_nothing_is_raised(readers):
    assert readers.served() == ("", "")
    assert "Error: " in readers.judge(Reply("Why?", trace_id="t"), Said(value=1))
    assert "Error: " in readers.ask([Ask(ask="Why?")])[0].error
