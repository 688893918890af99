"""What the fetcher gives, and what an answer means to it."""

import gzip
import hashlib
import ssl
import typing
import zlib

import pytest
import trustme

from llm_twin_assets.reasons import Reason
from resources.fetch_page import FetchReason
from resources.fetcher import Page
from tests.resources.fetch_server import (
    HTML,
    Site,
    failed,
    page,
    told,
    validated,
)


def test_reasons_are_those_of_the_contracts():
    assert set(typing.get_args(FetchReason)) <= set(Reason)


def test_constructing_opens_nothing(make, tmp_path):
    make(resolve=None, ssl_context=None)
    assert not (tmp_path / "pages").exists()


def test_a_page_is_given_with_what_its_server_says_of_it(make, site):
    typed = 'Text/HTML; Charset="ISO-8859-1"'
    site.pages["/a?b=%C3%BC"] = page(b"caf\xe9", content_type=typed, last_modified="Tue, 02 Jan 2024")
    given_page = make().get(site.url("/a?b=\u00fc#part"), HTML)
    url = site.url("/a?b=%C3%BC")
    assert given_page == Page(url, b"caf\xe9", "text/html", "iso-8859-1", "Tue, 02 Jan 2024")
    sent = site.requests[-1][1]
    assert sent["User-Agent"] == "llm-twin"
    assert sent["Host"] == f"127.0.0.1:{site.port}"
    assert sent["Accept"] == "text/html, */*;q=0.1"
    assert sent["Accept-Encoding"] == "gzip, deflate"
    assert "Cookie" not in sent


def test_a_mark_is_the_etag_else_the_time_else_a_hash(make, site):
    state = {"body": b"words", "etag": '"one"', "modified": "Tue, 02 Jan 2024"}
    site.pages["/"] = validated(state)
    assert make().get(site.url(), HTML).mark == '"one"'
    state["etag"] = None
    assert make().get(site.url(), HTML).mark == "Tue, 02 Jan 2024"
    state["modified"] = None
    assert make().get(site.url(), HTML).mark == hashlib.sha256(b"words").hexdigest()


def raw_deflate(data):
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


@pytest.mark.parametrize(
    ("coding", "compressed"),
    [
        ("gzip", gzip.compress),
        ("X-GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("gzip", lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:])),
        ("gzip", lambda data: gzip.compress(data) + b"\0" * 70_000),
    ],
)
def test_compressed_bodies_are_given_whole(make, site, coding, compressed):
    words = b"".join(b"%d words. " % number for number in range(100_000))
    site.pages["/"] = page(compressed(words), content_encoding=coding)
    assert make().get(site.url(), HTML).body == words


def test_tls_is_verified_against_the_name_that_was_asked_for(make):
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("blog.example").configure_cert(served)
    authority.configure_trust(trusted)
    site = Site(tls=served)
    site.pages["/"] = page(b"sealed")
    options = {"resolve": lambda host, port: [(2, 1, 6, "", ("127.0.0.1", port))]}
    try:
        url = site.url(host="blog.example")
        assert make(ssl_context=trusted, **options).get(url, HTML).body == b"sealed"
        other = failed(make(ssl_context=trusted, **options), site.url(host="other.example"))
        assert told(other) == ("unreachable", True)
        assert "CERTIFICATE_VERIFY_FAILED" in other.detail
        assert "CERTIFICATE_VERIFY_FAILED" in failed(make(**options), url).detail
    finally:
        site.close()


def test_proxies_of_the_environment_are_not_asked(make, site, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.pages["/"] = page()
    assert make().get(site.url(), HTML).body == b"words"


def test_ipv6_is_spoken_and_named_with_brackets(make):
    try:
        site = Site("::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    site.pages["/"] = page()
    try:
        assert make().get(site.url(host="[::1]"), HTML).body == b"words"
        assert site.requests[-1][1]["Host"] == f"[::1]:{site.port}"
    finally:
        site.close()


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (404, {}, ("gone", False)),
        (410, {}, ("gone", False)),
        (401, {}, ("login_page", False)),
        (403, {}, ("login_page", False)),
        (407, {}, ("login_page", False)),
        (401, {"server": "cloudflare"}, ("login_page", False)),
        (403, {"server": "cloudflare"}, ("bot_wall", False)),
        (403, {"server": "AkamaiGHost"}, ("bot_wall", False)),
        (503, {"cf_mitigated": "challenge"}, ("bot_wall", False)),
        (400, {}, ("unreachable", False)),
        (206, {}, ("unreachable", False)),
        (408, {}, ("unreachable", True)),
        (429, {}, ("unreachable", True)),
        (500, {}, ("unreachable", True)),
        (503, {}, ("unreachable", True)),
    ],
)
def test_a_status_names_its_reason(make, site, status, headers, expected):
    site.pages["/"] = page(b"", status, **headers)
    failure = failed(make(), site.url())
    assert told(failure) == expected
    assert str(status) in failure.detail


def test_a_server_that_says_when_to_come_back_is_quoted(make, site):
    site.pages["/"] = page(b"", 429, retry_after="120")
    assert "Retry-After: 120" in failed(make(), site.url()).detail


@pytest.mark.parametrize("kind", ["application/pdf", "", "text/html-not", "image/png; charset=text/html"])
def test_other_types_than_those_asked_for_are_refused(make, site, kind):
    site.pages["/"] = page(content_type=kind)
    failure = failed(make(), site.url(), {"text/html", "text/plain"})
    assert told(failure) == ("wrong_content_type", False)
    assert "not text/html or text/plain" in failure.detail
