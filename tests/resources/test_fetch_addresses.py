"""No name, no change of a name and no redirect leads the fetcher to an address that is not public."""

import socket
import ssl

import pytest
import trustme

from resources.fetcher import Fetcher, FetchFailed
from tests.resources.fetch_server import HTML, Site, failed, page, redirect, told


def resolver(*turns):
    """A resolver that gives another list of addresses each time, and remembers the names."""

    def resolve(host, port):
        resolve.names.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in turns[len(resolve.names) - 1]]

    resolve.names = []
    return resolve


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://0x7f.1:{port}/", "http://u@a/"],
)
def test_an_address_that_is_not_public_is_never_asked(tmp_path, site, url):
    fetcher = Fetcher(tmp_path / "pages", pause_seconds=0)
    assert told(failed(fetcher, url.format(port=site.port))) == ("forbidden_address", False)
    assert site.requests == []


@pytest.mark.parametrize("answers", [["169.254.169.254"], ["127.0.0.1", "10.0.0.1"], ["fd00:ec2::254"]])
def test_a_name_that_leads_to_a_refused_address_is_never_asked(make, site, answers):
    failure = failed(make(resolve=resolver(answers, answers)), site.url(host="blog.example"))
    assert told(failure) == ("forbidden_address", False)
    assert answers[-1] in failure.detail
    assert site.requests == []


def test_a_name_that_changes_its_address_is_checked_again_and_resolved_once_each_time(make, site):
    inside = Site("127.0.0.2", site.port)
    site.pages["/"] = inside.pages["/"] = page()
    changing = resolver(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"])
    fetcher = make(resolve=changing, allowed_networks=["127.0.0.1/32"])
    try:
        url = site.url(host="blog.example")
        assert fetcher.get(url, HTML).body == b"words"
        assert changing.names == ["blog.example"] * 2  # for robots.txt, and for the page
        assert failed(fetcher, url).reason == "forbidden_address"
        assert inside.requests == []
        assert site.paths == ["/robots.txt", "/"]
    finally:
        inside.close()


def test_the_next_checked_address_is_taken_where_one_does_not_answer(make, site):
    site.pages["/"] = page()
    several = resolver(["127.0.0.3", "127.0.0.1"], ["127.0.0.3", "127.0.0.1"])
    assert make(resolve=several).get(site.url(host="blog.example"), HTML).body == b"words"


def test_another_program_is_given_one_checked_address(make):
    turns = ["127.0.0.1", "127.0.0.2"], ["10.0.0.1"], []
    fetcher = make(resolve=resolver(*turns))
    assert fetcher.resolved("https://git.example/a.git") == "127.0.0.1"
    for reason in ("forbidden_address", "unreachable"):
        with pytest.raises(FetchFailed) as caught:
            fetcher.resolved("https://git.example/a.git")
        assert caught.value.reason == reason
    with pytest.raises(FetchFailed, match="ssh: only"):
        fetcher.resolved("ssh://git.example/a.git")


def test_a_server_that_is_not_there_may_be_there_later(make):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert told(failed(make(), f"http://127.0.0.1:{port}/")) == ("unreachable", True)


def test_redirects_are_followed_to_the_page(make, site):
    site.pages |= {"/a": redirect("b", 301), "/b": redirect(site.url("/c"), 308), "/c": page()}
    assert make().get(site.url("/a"), HTML).url == site.url("/c")


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:a9fe:a9fe]/",
        "//10.0.0.1/",
        "http://metadata.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/",
        "http://user@127.0.0.1/",
    ],
)
def test_a_redirect_goes_through_the_whole_check(make, site, target):
    site.pages["/"] = redirect(target)
    names = {"metadata.example": "169.254.169.254"}
    fetcher = make(resolve=lambda host, port: [(2, 1, 6, "", (names[host], port))])
    assert told(failed(fetcher, site.url())) == ("forbidden_address", False)
    assert site.paths == ["/robots.txt", "/"]


def test_five_redirects_are_followed_and_no_more(make, site):
    site.pages |= {f"/{n}": redirect(f"/{n + 1}") for n in range(6)} | {"/6": page()}
    assert make().get(site.url("/1"), HTML).body == b"words"
    failure = failed(make(), site.url("/0"))
    assert told(failure) == ("unreachable", False)
    assert "more than 5 times" in failure.detail


def test_a_redirect_without_a_target_is_told(make, site):
    site.pages["/"] = page(b"", 302)
    assert "names no target" in failed(make(), site.url()).detail


def test_a_redirect_from_https_to_http_is_refused(make, site):
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(served)
    authority.configure_trust(trusted)
    sealed = Site(tls=served)
    sealed.pages["/"] = redirect(site.url())
    site.pages["/"] = page()
    try:
        failure = failed(make(ssl_context=trusted), sealed.url())
        assert told(failure) == ("forbidden_address", False)
        assert "not encrypted" in failure.detail
        assert site.requests == []
    finally:
        sealed.close()
