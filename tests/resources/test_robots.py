"""robots.txt is read once for each host, obeyed, and never taken for more than it says."""

import threading

import pytest

from resources.addresses import web_url
from resources.fetch_page import FetchFailed
from resources.robots import FAILED_SECONDS, KEPT_SECONDS, MAX_BYTES, Robots, Rules

RULES = b"""\xef\xbb\xbfUser-agent: *
Disallow: /

User-agent: LLM-Twin
Disallow: /private
Allow: /private/open
Disallow: /*.pdf$
Crawl-delay: 2.5
"""


def robots(read, clock=lambda: 0.0):
    return Robots(read, clock)


def failing(*failure):
    def read(url):
        raise FetchFailed(*failure)

    return read


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True),
        ("/private", False),
        ("/private/open/page", True),
        ("/a.pdf", False),
        ("/a.pdf?page=1", True),
        ("/%70rivate", False),
        ("/a/../private", False),
    ],
)
def test_the_rules_for_this_program_go_before_those_for_all(path, allowed):
    assert Rules(RULES).allows(web_url(f"http://a.example{path}")) is allowed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (RULES, 2.5),
        (b"User-agent: *\nCrawl-delay: 86400", 10.0),
        (b"User-agent: *\nCrawl-delay: inf", 0.0),
        (b"User-agent: *\nCrawl-delay: -1", 0.0),
        (b"User-agent: other\nCrawl-delay: 5", 0.0),
        (b"", 0.0),
    ],
)
def test_the_pause_that_a_host_asks_for_is_at_most_ten_seconds(text, seconds):
    assert Rules(text).delay == seconds


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\0\0words", b"<html>Not found</html>", b"Disallow: /"])
def test_what_holds_no_rules_allows_everything(text):
    assert Rules(text).allows(web_url("http://a.example/page"))


def test_rules_after_the_first_half_megabyte_are_not_read():
    start = b"User-agent: *\nDisallow: /a\n"
    rules = Rules(start + b"#" * MAX_BYTES + b"\nDisallow: /b\n")
    assert not rules.allows(web_url("http://a.example/a"))
    assert rules.allows(web_url("http://a.example/b"))


def test_each_host_is_asked_once_by_all_threads_together():
    asked = []

    def read(url):
        asked.append(str(url))
        return RULES

    shared = robots(read)
    urls = [f"http://a.example/{n}" for n in range(8)] + ["https://a.example/", "http://a.example:81/"]
    threads = [threading.Thread(target=shared.rules, args=(web_url(url),)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == [
        "http://a.example/robots.txt",
        "http://a.example:81/robots.txt",
        "https://a.example/robots.txt",
    ]


def test_rules_are_kept_for_a_day_and_a_failure_for_a_minute():
    now, answers = [0.0], [FetchFailed("unreachable", "503", True), b"", RULES]

    def read(url):
        answer = answers.pop(0)
        if isinstance(answer, FetchFailed):
            raise answer
        return answer

    shared, page = robots(read, lambda: now[0]), web_url("http://a.example/private")
    for now[0] in (0.0, FAILED_SECONDS - 1):
        with pytest.raises(FetchFailed, match=r"http://a\.example/robots\.txt must be read first.*503"):
            shared.rules(page)
    for now[0] in (FAILED_SECONDS, FAILED_SECONDS + KEPT_SECONDS - 1):
        assert shared.rules(page).allows(page)
    now[0] = FAILED_SECONDS + KEPT_SECONDS
    assert not shared.rules(page).allows(page)
    assert answers == []


@pytest.mark.parametrize("reason", ["gone", "login_page", "bot_wall", "wrong_content_type", "unreachable"])
def test_a_host_without_rules_allows_everything(reason):
    page = web_url("http://a.example/page")
    assert robots(failing(reason, "404")).rules(page).allows(page)


def test_rules_that_cannot_be_had_now_are_a_reason_to_come_later():
    with pytest.raises(FetchFailed) as failed:
        robots(failing("unreachable", "500", True)).rules(web_url("http://a.example/"))
    assert (failed.value.reason, failed.value.transient) == ("unreachable", True)


def test_a_forbidden_host_is_told_as_what_it_is():
    with pytest.raises(FetchFailed) as failed:
        robots(failing("forbidden_address", "a.example is 10.0.0.1")).rules(web_url("http://a.example/"))
    assert (failed.value.reason, failed.value.detail) == ("forbidden_address", "a.example is 10.0.0.1")
