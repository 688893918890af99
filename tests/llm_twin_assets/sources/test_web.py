import pytest

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Unreachable
from llm_twin_assets.sources.reading import Refused
from llm_twin_assets.sources.web import WebConnector
from tests.llm_twin_assets.sources.site import fetcher, serving

SENTENCE = (
    "The tide came in slowly that evening, and nobody on the pier looked up from what they were doing. "
)
WALL = "<html><head><title>Just a moment...</title></head><body><p>Checking.</p></body></html>"


def page(title: str, head: str = "", text: str = SENTENCE * 4) -> str:
    return f"""<!doctype html><html lang="en-GB"><head><meta charset="utf-8">
      <title>{title} | Notes</title>{head}<meta name="author" content="Ada Example">
      <meta property="article:published_time" content="2024-03-27T10:00:00Z"></head>
      <body><nav><a href="/">Home</a></nav>
      <article><h1>{title}</h1><p>{text}</p><h2>Later</h2><p>{text}</p></article>
      <footer>All rights reserved to nobody</footer></body></html>"""


def sitemap(*pages: tuple[str, str]) -> str:
    found = "".join(
        f"<url><loc>{url}</loc>{f'<lastmod>{when}</lastmod>' if when else ''}</url>" for url, when in pages
    )
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{found}</urlset>'


@pytest.fixture
def site():
    with serving() as site:
        yield site


class Run:
    """One run of the connector, as a new process would do it: items, entries and refusals by path."""

    def __init__(self, connector: WebConnector, base: str) -> None:
        self.marks, self.hashes, self.rows, self.reasons = {}, {}, {}, {}
        for item in connector.items():
            path = item.name.removeprefix(base)
            self.marks[path] = item.mark
            try:
                (entry,) = connector.parse(item, connector.fetch(item))
                self.rows[path] = entry.parse()
                self.hashes[path] = entry.source_hash
                assert entry.identity == self.rows[path].uri
            except Refused as why:
                self.reasons[path] = why.reason
                self.last = why


@pytest.fixture
def run(site, tmp_path):
    def _run(
        *paths: str, author=None, listed: bool = False, include: str | None = None, limit: int = 100
    ) -> Run:
        urls = [site.base + path for path in paths]
        where = f"{site.base}/sitemap.xml" if listed else None
        below = site.base + include if include else None
        return Run(WebConnector(fetcher(tmp_path), urls, where, below, limit, author), site.base)

    return _run


def test_a_page_is_a_document(site, run):
    site.put("/tides", page("On Tides"))
    found = run("/tides?utm_source=x").rows
    assert found == {}
    row = run("/tides").rows["/tides"]
    assert (row.title, row.author, row.published_at) == ("On Tides", "Ada Example", "2024-03-27")
    assert (row.kind, row.platform, row.language) == ("article", "127.0.0.1", "en")
    assert row.uri == f"{site.base}/tides"
    assert row.text.count("The tide came in") == 8
    assert "## Later" in row.text
    assert "Home" not in row.text
    assert "nobody</footer>" in row.page


def test_a_page_without_names_takes_what_is_known(site, run):
    site.put("/notes/on-tides", f"<html><body><p>{SENTENCE * 3}</p></body></html>")
    row = run("/notes/on-tides", author="Grace").rows["/notes/on-tides"]
    assert (row.title, row.author, row.published_at, row.language) == ("on-tides", "Grace", None, None)
    assert run("/notes/on-tides").reasons == {"/notes/on-tides": Reason.NO_AUTHOR}


def test_an_unchanged_page_is_not_sent_again_and_asked_for_once(site, run):
    site.put("/a", page("One"))
    site.put("/b", page("Two"))
    first = run("/a", "/b")
    assert site.asked() == [("/a", 200), ("/b", 200)]
    site.put("/b", page("Two, edited"))
    second = run("/a", "/b")
    assert site.asked() == [("/a", 304), ("/b", 200)]
    assert (second.marks["/a"], second.hashes["/a"]) == (first.marks["/a"], first.hashes["/a"])
    assert second.marks["/b"] != first.marks["/b"]
    assert second.hashes["/b"] != first.hashes["/b"]
    assert second.rows["/b"].title == "Two, edited"


def test_a_new_declared_author_is_a_change(site, run):
    site.put("/a", page("One"))
    assert run("/a", author="Grace").hashes != run("/a").hashes


def test_the_mark_of_a_listed_page_is_the_sites_word_and_costs_no_request(site, tmp_path):
    site.put("/sitemap.xml", sitemap(("BASE/a", "2024-03-27"), ("BASE/b", "")), "text/xml")
    site.put("/a", page("One"))
    site.put("/b", page("Two"))
    connector = WebConnector(fetcher(tmp_path), [], f"{site.base}/sitemap.xml", None, 10, None)
    first, second = connector.items()
    assert (first.name, first.mark) == (f"{site.base}/a", "lastmod 2024-03-27")
    assert second.mark is not None
    assert site.asked() == [("/sitemap.xml", 200), ("/b", 200)]
    assert b"One" in connector.fetch(first)
    assert b"Two" in connector.fetch(second)
    assert site.asked() == [("/a", 200)]
    assert b"Two" in connector.fetch(second)
    assert not WebConnector.keeps_vanished


def test_named_pages_come_first_and_none_twice(site, run):
    site.put(
        "/sitemap.xml",
        sitemap(("BASE/b", "2024-01-01"), ("BASE/a", "2024-01-01"), ("BASE/b", "")),
        "text/xml",
    )
    for path in ("/a", "/b", "/c"):
        site.put(path, page(path))
    found = run("/c", "/a", "/c", listed=True)
    assert list(found.marks) == ["/c", "/a", "/b"]
    assert found.marks["/b"] == "lastmod 2024-01-01"
    assert not found.marks["/a"].startswith("lastmod")


def test_include_and_limit_narrow_a_sitemap(site, run):
    listed = [("BASE/blog/a", ""), ("BASE/about", ""), ("BASE/blog/b", ""), ("BASE/blog/c", "")]
    site.put("/sitemap.xml", sitemap(*listed), "text/xml")
    for path in ("/blog/a", "/blog/b", "/blog/c"):
        site.put(path, page(path))
    found = run(listed=True, include="/blog/", limit=2)
    assert list(found.rows) == ["/blog/a", "/blog/b"]
    assert found.reasons == {"/blog/c": Reason.TOO_MANY}
    assert "2 pages" in found.last.detail
    assert {path for path, _ in site.asked()} == {"/sitemap.xml", "/blog/a", "/blog/b"}


def test_pages_of_other_hosts_are_refused(site, run):
    site.put("/sitemap.xml", sitemap(("BASE/a", ""), ("http://other.example/b", "")), "text/xml")
    site.put("/a", page("One"))
    found = run(listed=True)
    assert list(found.rows) == ["/a"]
    assert found.reasons == {"http://other.example/b": Reason.FORBIDDEN_ADDRESS}


def test_a_redirected_page_is_named_by_where_it_stands(site, run):
    site.redirect("/old", "/new?from=old")
    site.put("/new?from=old", page("One"))
    assert run("/old").rows["/old"].uri == f"{site.base}/new"


def test_a_page_is_named_by_its_canonical_link(site, run):
    site.put("/a", page("One", '<link rel="canonical" href="/one">'))
    site.put("/b", page("Two", '<link rel="canonical" href="https://other.example/two">'))
    found = run("/a", "/b").rows
    assert [row.uri.removeprefix(site.base) for row in found.values()] == ["/one", "/b"]


def test_a_bad_page_costs_itself(site, run):
    site.put("/a", page("One"))
    site.put("/wall", WALL)
    site.put("/login", "<html><body><h1>Sign in to continue</h1></body></html>")
    site.put("/private/x", page("Private"))
    site.put("/picture", b"\x89PNG", "image/png")
    site.put("/empty", "<html><head><title>A</title></head><body></body></html>")
    site.put("/bytes", b"<p>\xff\xfe\xfd</p>", "text/html")
    site.fail("/busy", 503)
    paths = ("/missing", "/wall", "/login", "/private/x", "/picture", "/empty", "/bytes", "/busy", "/a")
    found = run(*paths)
    assert list(found.rows) == ["/a"]
    assert found.reasons == {
        "/missing": Reason.GONE,
        "/wall": Reason.BOT_WALL,
        "/login": Reason.LOGIN_PAGE,
        "/private/x": Reason.DISALLOWED_BY_ROBOTS,
        "/picture": Reason.WRONG_CONTENT_TYPE,
        "/empty": Reason.EMPTY,
        "/bytes": Reason.UNDECODABLE,
        "/busy": Reason.UNREACHABLE,
    }
    assert {path: mark for path, mark in found.marks.items() if mark is None} == dict.fromkeys(
        ["/missing", "/private/x", "/picture", "/busy"]
    )


def test_a_page_that_failed_at_listing_fails_so_at_fetching_without_another_request(site, tmp_path):
    site.fail("/busy", 503)
    connector = WebConnector(fetcher(tmp_path), [f"{site.base}/busy"], None, None, 10, None)
    (item,) = connector.items()
    site.put("/busy", page("Back again"))
    site.asked()
    with pytest.raises(Unreachable):
        connector.fetch(item)
    assert site.asked() == []
    assert b"Back again" in connector.fetch(connector.items()[0])


def test_a_deleted_page_is_gone_from_the_sitemap_or_by_itself(site, run):
    site.put("/sitemap.xml", sitemap(("BASE/a", ""), ("BASE/b", "")), "text/xml")
    site.put("/a", page("One"))
    site.put("/b", page("Two"))
    assert list(run(listed=True).rows) == ["/a", "/b"]
    site.put("/sitemap.xml", sitemap(("BASE/b", "")), "text/xml")
    site.fail("/b", 410)
    found = run(listed=True)
    assert (list(found.marks), found.reasons) == (["/b"], {"/b": Reason.GONE})


def test_a_page_is_read_in_the_charset_of_its_server(site, run):
    text = page("Café", text=SENTENCE * 4).replace('<meta charset="utf-8">', "")
    site.put("/a", text.encode("cp1252"), "text/html; charset=windows-1252")
    assert run("/a").rows["/a"].title == "Café"


def test_a_sitemap_that_cannot_be_had_costs_the_listing(site, run):
    site.put("/sitemap.xml", "<urlset><url>", "text/xml")
    with pytest.raises(Refused) as refused:
        run(listed=True)
    assert refused.value.reason == Reason.BROKEN_ITEM
    site.fail("/sitemap.xml", 503)
    with pytest.raises(Unreachable):
        run(listed=True)
