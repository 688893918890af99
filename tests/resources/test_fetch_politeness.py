"""The fetcher obeys robots.txt and leaves every host its pauses."""

import gzip
import threading

import pytest

from resources.addresses import web_url
from resources.fetch_pauses import Pauses
from tests.resources.fetch_server import (
    HTML,
    Site,
    failed,
    page,
    redirect,
    told,
)


def test_what_robots_txt_disallows_is_not_asked(make, site):
    site.pages["/robots.txt"] = page(b"User-agent: llm-twin\nDisallow: /private", content_type="text/plain")
    site.pages |= {"/": page(), "/private/a": page(), "/moved": redirect("/private/a")}
    fetcher = make()
    assert fetcher.get(site.url(), HTML).body == b"words"
    for path in ("/private/a", "/moved"):
        failure = failed(fetcher, site.url(path))
        assert told(failure) == ("disallowed_by_robots", False)
        assert "/private/a" in failure.detail
    assert site.paths == ["/robots.txt", "/", "/moved"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_host_that_refuses_robots_txt_allows_everything(make, site, status):
    site.pages |= {"/robots.txt": page(b"Disallow", status), "/": page()}
    assert make().get(site.url(), HTML).body == b"words"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_whose_robots_txt_fails_is_left_alone_for_now(make, site, status):
    site.pages |= {"/robots.txt": page(b"", status), "/": page()}
    failure = failed(make(), site.url())
    assert told(failure) == ("unreachable", True)
    assert "/robots.txt must be read first" in failure.detail
    assert site.paths == ["/robots.txt"]


def test_robots_txt_is_read_to_half_a_megabyte_and_through_the_same_guard(make, site):
    rules = b"User-agent: *\nDisallow: /a\n"
    compressed = gzip.compress(rules + b"#" * 600_000 + b"\nDisallow: /b\n")
    site.pages |= {"/rules": page(compressed, content_encoding="gzip"), "/a": page(), "/b": page()}
    site.pages["/robots.txt"] = redirect("/rules")
    fetcher = make()
    assert failed(fetcher, site.url("/a")).reason == "disallowed_by_robots"
    assert fetcher.get(site.url("/b"), HTML).body == b"words"
    site.pages["/robots.txt"] = redirect("http://169.254.169.254/")
    assert failed(make(), site.url("/b")).reason == "forbidden_address"


class Clock:
    """A clock that moves only when someone sleeps, and writes down how long."""

    def __init__(self):
        self.now, self.slept, self.lock = 100.0, [], threading.Lock()

    def sleep(self, seconds):
        with self.lock:
            self.slept.append(round(seconds, 6))
            self.now += seconds

    @property
    def options(self):
        return {"clock": lambda: self.now, "sleep": self.sleep}


def test_requests_to_one_host_have_a_pause_between_them(make, site):
    other = Site()
    for each in (site, other):
        each.pages |= {"/": page(), "/moved": redirect("/")}
    clock = Clock()
    fetcher = make(pause_seconds=2.0, **clock.options)
    try:
        fetcher.get(site.url(), HTML)
        assert clock.slept == [2.0]
        fetcher.get(other.url(), HTML)
        assert clock.slept == [2.0] * 2  # between its robots.txt and its page; none for the first host
        clock.now += 0.5
        fetcher.get(other.url("/moved"), HTML)
        assert clock.slept == [2.0, 2.0, 1.5, 2.0]
        clock.now += 60
        fetcher.get(site.url(), HTML)
        assert len(clock.slept) == 4
    finally:
        other.close()


def test_a_host_may_ask_for_a_longer_pause_but_not_for_any(make, site):
    site.pages["/"] = page()
    for asked, slept in ((b"5", 5.0), (b"3600", 10.0), (b"0.1", 1.0)):
        site.pages["/robots.txt"] = page(b"User-agent: *\nCrawl-delay: " + asked)
        clock = Clock()
        make(pause_seconds=1.0, **clock.options).get(site.url(), HTML)
        assert clock.slept == [slept]


def test_threads_share_the_pauses(make, site):
    site.pages["/"] = page()
    stopped, slept = 0.0, []
    fetcher = make(pause_seconds=1.0, clock=lambda: stopped, sleep=slept.append)
    threads = [threading.Thread(target=fetcher.get, args=(site.url(), HTML)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == [1.0, 2.0, 3.0, 4.0]
    assert site.count("/", 200) == 4
    assert site.count("/robots.txt", 404) == 1


def test_only_one_thread_at_a_time_is_given_its_turn():
    both = threading.Barrier(2)
    met = []

    def clock():
        try:
            met.append(both.wait(0.1))
        except threading.BrokenBarrierError:
            both.reset()
        return 0.0

    pauses = Pauses(1.0, clock, lambda seconds: None)
    threads = [threading.Thread(target=pauses.wait, args=(web_url("http://a.example/"),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == []
