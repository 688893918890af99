"""Limits over real HTTP: bodies with, without and with wrong lengths, and requests a minute."""

import contextlib
import socket
import threading

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel

from llm_twin_assets.serving.limits import BodyLimit, PerMinute, RateLimit
from resources.api_keys import ApiKey
from resources.settings import Settings
from tests.llm_twin_assets.serving.small import listening

MOST = 1000


class Sent(BaseModel):
    text: str


def _echo():
    """An application that reads a body in the three ways there are; whom it lets in is for a test to say."""
    app = FastAPI()

    @app.post("/bytes")
    async def whole(request: Request) -> dict[str, int]:
        return {"length": len(await request.body())}

    @app.post("/json")
    async def parsed(sent: Sent) -> dict[str, int]:
        return {"length": len(sent.text)}

    @app.post("/swallowed")
    async def swallowed(request: Request) -> dict[str, str]:
        with contextlib.suppress(Exception):
            await request.body()
        return {"said": "all is well"}

    @app.get("/")
    async def nothing() -> dict[str, str]:
        return {"said": "hello"}

    return app


@pytest.fixture(scope="module")
def url():
    app = _echo()
    app.add_middleware(BodyLimit, most=MOST)
    with listening(app) as address:
        yield address


def _chunks(length, size=100):
    for start in range(0, length, size):
        yield b"x" * min(size, length - start)


def _too_large(response):
    error = response.json()["error"]
    assert error["code"] == "body_too_large"
    assert f"longer than {MOST} bytes: send a shorter one" in error["message"]
    return response.status_code == 413


def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(url):
    assert httpx.post(url + "/bytes", content=b"x" * MOST).status_code == 200
    assert _too_large(httpx.post(url + "/bytes", content=b"x" * (MOST + 1)))


def test_chunks_without_a_length_are_counted(url):
    passed = httpx.post(url + "/bytes", content=_chunks(MOST))
    assert passed.json() == {"length": MOST}
    assert _too_large(httpx.post(url + "/bytes", content=_chunks(MOST + 1)))
    assert _too_large(httpx.post(url + "/bytes", content=_chunks(2_000_000, 50_000)))


def test_a_body_that_is_parsed_is_too_large_and_not_malformed(url):
    around = len('{"text":""}')
    fits, longer = (b'{"text":"' + b"x" * (MOST - around + more) + b'"}' for more in (0, 1))
    for content in (fits, iter([fits])):
        response = httpx.post(url + "/json", content=content, headers={"Content-Type": "application/json"})
        assert response.json() == {"length": MOST - around}
    for content in (longer, iter([longer])):
        response = httpx.post(url + "/json", content=content, headers={"Content-Type": "application/json"})
        assert _too_large(response)


def test_a_connection_goes_on_after_a_refusal(url):
    with httpx.Client() as client:
        assert _too_large(client.post(url + "/bytes", content=_chunks(500_000, 10_000)))
        assert client.post(url + "/bytes", content=b"x").json() == {"length": 1}
        assert client.get(url).json() == {"said": "hello"}


def _raw(url, head, body=b""):
    """The status line that the server gives to these bytes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"POST /bytes HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n" + body)
        return connection.recv(65536).split(b"\r\n")[0].decode()


def test_a_declared_length_is_refused_before_anything_of_it_came(url):
    assert " 413 " in _raw(url, f"Content-Length: {MOST + 1}".encode())
    assert " 413 " in _raw(url, b"Content-Length: 9000000000000")


def test_a_length_that_is_too_small_does_not_help(url):
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _chunks(MOST + 1)) + b"0\r\n\r\n"
    status = _raw(url, b"Content-Length: 5\r\nTransfer-Encoding: chunked", body)
    assert " 413 " in status or " 400 " in status


def test_an_application_that_swallows_the_error_is_not_heard(url):
    assert httpx.post(url + "/swallowed", content=_chunks(MOST)).json() == {"said": "all is well"}
    assert _too_large(httpx.post(url + "/swallowed", content=_chunks(MOST + 1)))


@pytest.mark.parametrize("length", ["five", "9" * 5000, "-1"])
def test_a_length_that_is_no_number_is_refused_by_the_server_itself(url, length):
    assert " 400 " in _raw(url, f"Content-Length: {length}".encode(), b"x" * 10)


def test_a_body_that_nobody_reads_is_too_large_all_the_same_where_it_says_so(url):
    for path in ("/", "/nowhere"):
        assert _too_large(httpx.request("PUT", url + path, content=b"x" * (MOST + 1)))


async def _answering_while_it_reads(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
        length, more = 0, True
        while more:
            message = await receive()
            length, more = length + len(message["body"]), message["more_body"]
        await send({"type": "http.response.body", "body": str(length).encode()})


def test_an_answer_that_has_begun_is_broken_off_and_never_whole():
    with listening(BodyLimit(_answering_while_it_reads, MOST)) as address:
        assert httpx.post(address, content=_chunks(MOST)).text == f"begun {MOST}"
        # What was sent and never read may reset the connection before its end is seen.
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            httpx.post(address, content=_chunks(MOST + 1))


class WithKey:
    """Stands in for the authentication: the key is named in a header."""

    KEYS = {
        "slow": ApiKey("slow", "slow", None, 2, ""),
        "usual": ApiKey("usual", "usual", None, None, ""),
        "other": ApiKey("other", "other", None, None, ""),
    }

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            named = dict(scope["headers"]).get(b"key", b"").decode()
            scope.setdefault("state", {})["key"] = self.KEYS.get(named)
        await self.app(scope, receive, send)


@pytest.fixture
def limited():
    app = _echo()
    app.add_middleware(RateLimit, settings=Settings(requests_per_minute=3))
    app.add_middleware(WithKey)
    with listening(app) as address, httpx.Client(base_url=address) as client:
        yield lambda key=None, method="POST": client.request(
            method, "/bytes" if method == "POST" else "/", headers={"key": key} if key else {}
        )


def test_a_key_may_ask_as_often_as_the_settings_say_and_then_hears_when_to_come_again(limited):
    assert [limited("usual").status_code for _ in range(3)] == [200] * 3
    refused = limited("usual")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    error = refused.json()["error"]
    assert error["code"] == "rate_limit_exceeded"
    assert "more than 3 requests in a minute" in error["message"]


def test_a_key_with_a_limit_of_its_own_has_that_one(limited):
    assert [limited("slow").status_code for _ in range(3)] == [200, 200, 429]


def test_keys_are_counted_apart_and_so_is_whoever_has_none(limited):
    assert [limited("usual").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [limited("other").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [limited().status_code for _ in range(4)] == [200, 200, 200, 429]


def test_looking_does_not_count(limited):
    assert {limited("slow", "GET").status_code for _ in range(10)} == {200}
    assert [limited("slow").status_code for _ in range(3)] == [200, 200, 429]
    assert limited("slow", "GET").status_code == 200


def test_requests_at_the_same_moment_are_all_counted(limited):
    found = []
    threads = [threading.Thread(target=lambda: found.append(limited("usual").status_code)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] * 3 + [429] * 9


def test_the_minute_moves_along(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    counts = PerMinute()
    assert counts.wait(2, "ada") is None
    now[0] += 30
    assert counts.wait(2, "ada") is None
    assert counts.wait(2, "ada") == 30
    now[0] += 29.5
    assert counts.wait(2, "ada") == 1
    now[0] += 0.6
    assert counts.wait(2, "ada") is None, "the first is a minute ago"
    assert counts.wait(2, "ada") == 30, "the second is not"
