"""Servers that never end, send too much or send nonsense cost a bounded time and memory."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.fetcher import FetchFailed, Limits
from tests.resources.fetch_server import (
    HTML,
    Raw,
    after_robots,
    failed,
    page,
    told,
    trickle,
)

SMALL = Limits(seconds=20, body_bytes=100_000)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    "script",
    [
        trickle(b"HTTP/1.1 200 OK\r\n", b"X"),
        trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        trickle(HEAD + b"\r\n", b"w"),
        trickle(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nw\r\n"),
        trickle(b"", b""),
    ],
    ids=["headers", "interim", "body", "chunks", "silence"],
)
def test_a_server_that_never_ends_is_cut_at_the_deadline(make, raw, script):
    server = raw(after_robots(script))
    failure = failed(make(limits=Limits(seconds=0.5)), server.url())
    assert told(failure) == ("unreachable", True)
    assert "did not finish its answer in time" in failure.detail


def test_a_handshake_that_never_ends_is_cut_at_the_deadline(make, raw):
    server = raw(trickle(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb", b"\x03"))
    failure = failed(make(limits=Limits(seconds=0.5)), server.url(scheme="https"))
    assert told(failure) == ("unreachable", True)
    assert "in time" in failure.detail


def test_the_deadline_is_for_all_redirects_together(make, raw):
    def script(connection, stopped):
        stopped.wait(0.15)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")

    failure = failed(make(limits=Limits(seconds=0.5)), raw(after_robots(script)).url())
    assert "in time" in failure.detail


def test_a_body_that_is_declared_too_large_is_not_read(make, raw):
    def script(connection, stopped):
        connection.sendall(HEAD + b"Content-Length: 2000000000\r\n\r\n")
        stopped.wait()

    failure = failed(make(), raw(after_robots(script)).url())
    assert told(failure) == ("too_large", False)
    assert "limit of 10 MB" in failure.detail


@pytest.mark.parametrize("head", [HEAD + b"\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"])
def test_an_endless_body_is_cut_at_the_limit(make, raw, head):
    more = b"10000\r\n" + b"w" * 0x10000 + b"\r\n"

    def script(connection, stopped):
        connection.sendall(head)
        while not stopped.is_set():
            connection.sendall(more)

    server = raw(after_robots(script))
    assert told(failed(make(limits=SMALL), server.url())) == ("too_large", False)
    assert server.left.wait(60)


def test_the_limit_itself_is_let_through(make, site):
    site.pages |= {"/fits": page(b"w" * 100_000), "/over": page(gzip.compress(b"w" * 100_001))}
    site.pages["/over"] = page(gzip.compress(b"w" * 100_001), content_encoding="gzip")
    assert len(make(limits=SMALL).get(site.url("/fits"), HTML).body) == 100_000
    assert failed(make(limits=SMALL), site.url("/over")).reason == "too_large"


def bomb(wbits):
    """About a megabyte that stands for a gigabyte: one compressed block again and again."""
    deflate = zlib.compressobj(wbits=wbits)
    block = 1 << 24
    first = deflate.compress(bytes(block)) + deflate.flush(zlib.Z_FULL_FLUSH)
    again = deflate.compress(bytes(block)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return first + again * ((1 << 30) // block - 1)


@pytest.mark.parametrize(("coding", "wbits"), [("gzip", 31), ("deflate", 15)])
def test_a_bomb_is_cut_early_and_never_unfolded(make, site, coding, wbits):
    site.pages["/"] = page(bomb(wbits), content_encoding=coding)
    fetcher = make(limits=Limits(body_bytes=2_000_000))
    failed(fetcher, site.url("/nothing"))  # imports are not counted
    tracemalloc.start()
    try:
        assert told(failed(fetcher, site.url())) == ("too_large", False)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_compressed_data_that_holds_nothing_is_cut_at_the_limit(make, raw):
    start, nothing = gzip.compress(b"")[:10], b"\0\0\0\xff\xff" * 10_000  # empty stored blocks

    def script(connection, stopped):
        connection.sendall(HEAD + b"Content-Encoding: gzip\r\n\r\n" + start)
        while not stopped.is_set():
            connection.sendall(nothing)

    assert told(failed(make(limits=SMALL), raw(after_robots(script)).url())) == ("too_large", False)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"words" * 99, mtime=0)[:-9]),
        ("gzip", b"no gzip"),
        ("deflate", b"\x78\x9cwords"),
    ],
)
def test_a_broken_compressed_body_is_told(make, site, coding, body):
    site.pages["/"] = page(body, content_encoding=coding)
    failure = failed(make(), site.url())
    assert told(failure) == ("unreachable", True)
    assert "compressed body is broken" in failure.detail


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
def test_codings_that_were_not_asked_for_are_refused(make, site, coding):
    site.pages["/"] = page(content_encoding=coding)
    failure = failed(make(), site.url())
    assert told(failure) == ("wrong_content_type", False)
    assert coding in failure.detail


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"",
        HEAD + b"Content-Length: 10\r\n\r\nshort",
        HEAD + b"Content-Length: " + b"1" * 5000 + b"\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nww",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_no_http_is_told(make, raw, answer):
    failure = failed(make(), raw(after_robots(lambda connection, _: connection.sendall(answer))).url())
    assert told(failure) == ("unreachable", True)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([HEAD, b"\r\n", b"Location: /", b"HTTP/1.1 302 X\r\n"]) | st.binary()))
def test_whatever_a_server_sends_gives_a_page_or_a_failure(make, parts):
    server = Raw(lambda connection, _: (connection.recv(4096), connection.sendall(b"".join(parts))))
    try:
        assert make(limits=Limits(seconds=5)).get(server.url(), HTML).content_type == "text/html"
    except FetchFailed as failure:
        assert failure.detail
    finally:
        server.close()
