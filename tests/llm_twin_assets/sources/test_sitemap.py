import gzip

import pytest

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Unreachable
from llm_twin_assets.sources.reading import MAX_BYTES, Refused
from llm_twin_assets.sources.sitemap import Listed, entries, site_pages
from tests.llm_twin_assets.sources.site import fetcher, serving

SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
IMAGES = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
XML = "application/xml"


def urlset(*urls: str) -> str:
    return f"<urlset {SPACE}>{''.join(f'<url><loc>{url}</loc></url>' for url in urls)}</urlset>"


def index(*urls: str) -> str:
    return (
        f"<sitemapindex {SPACE}>{''.join(f'<sitemap><loc>{u}</loc></sitemap>' for u in urls)}</sitemapindex>"
    )


@pytest.fixture
def site():
    with serving() as site:
        yield site


@pytest.fixture
def pages(site, tmp_path):
    """What /sitemap.xml of the site lists: paths of pages, and reasons by path."""

    def _pages(include: str | None = None, limit: int = 100):
        found = site_pages(fetcher(tmp_path), f"{site.base}/sitemap.xml", include, limit)
        taken = [page.url.removeprefix(site.base) for page in found.pages]
        return taken, {url.removeprefix(site.base): why.reason for url, why in found.refused.items()}

    return _pages


def test_a_sitemap_is_its_locations_and_times():
    xml = f"""<?xml version="1.0" encoding="UTF-8"?><urlset {SPACE} {IMAGES}>
      <url><image:image><image:loc>https://example.org/i.png</image:loc></image:image>
        <loc> https://example.org/a?x=1&amp;y=2 </loc><lastmod>2024-03-27T10:00:00Z</lastmod></url>
      <url><loc>https://example.org/b</loc><lastmod/></url><url><lastmod>2024-01-01</lastmod></url></urlset>"""
    listed = [
        Listed("https://example.org/a?x=1&y=2", "2024-03-27T10:00:00Z"),
        Listed("https://example.org/b", None),
    ]
    assert entries(xml.encode()) == (listed, False)
    assert entries(xml.replace(SPACE, "").encode()) == (listed, False)
    assert entries(gzip.compress(xml.encode())) == (listed, False)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.BROKEN_ITEM),
        (b"<urlset><url>", Reason.BROKEN_ITEM),
        (b"<html><body>Not found</body></html>", Reason.BROKEN_ITEM),
        (b"\x1f\x8b not gzip", Reason.BROKEN_ITEM),
        (b"<?xml version='1.0' encoding='no-such'?><urlset/>", Reason.BROKEN_ITEM),
        (f"{BOMB}<urlset><url><loc>&b;</loc></url></urlset>".encode(), Reason.BROKEN_ITEM),
        (f"{FILE}<urlset><url><loc>&a;</loc></url></urlset>".encode(), Reason.BROKEN_ITEM),
        (gzip.compress(b" " * (MAX_BYTES + 1)), Reason.TOO_LARGE),
    ],
)
def test_what_is_no_sound_sitemap_is_refused(data, reason):
    with pytest.raises(Refused) as refused:
        entries(data)
    assert refused.value.reason == reason


def test_an_index_is_followed_one_level(site, pages):
    site.put("/sitemap.xml", index("BASE/one.xml", "BASE/two.xml.gz", "BASE/deeper.xml"), XML)
    site.put("/one.xml", urlset("BASE/b", "BASE/a"), XML)
    site.put(
        "/two.xml.gz", gzip.compress(urlset(f"{site.base}/c", f"{site.base}/a").encode()), "application/gzip"
    )
    site.put("/deeper.xml", index("BASE/one.xml"), XML)
    assert pages() == (["/b", "/a", "/c"], {"/deeper.xml": Reason.BROKEN_ITEM})


def test_a_broken_sitemap_of_an_index_costs_itself(site, pages):
    site.put("/sitemap.xml", index("BASE/missing.xml", "BASE/broken.xml", "BASE/one.xml"), XML)
    site.put("/broken.xml", "<urlset><url>", XML)
    site.put("/one.xml", urlset("BASE/a"), XML)
    assert pages() == (["/a"], {"/missing.xml": Reason.GONE, "/broken.xml": Reason.BROKEN_ITEM})


def test_a_sitemap_that_cannot_be_had_now_costs_the_listing(site, pages):
    site.put("/sitemap.xml", index("BASE/one.xml", "BASE/busy.xml"), XML)
    site.put("/one.xml", urlset("BASE/a"), XML)
    site.fail("/busy.xml", 503)
    with pytest.raises(Unreachable):
        pages()


def test_other_hosts_are_refused_by_name(site, pages):
    site.put("/sitemap.xml", index("BASE/one.xml", "http://other.example/sitemap.xml"), XML)
    site.put(
        "/one.xml",
        urlset("BASE/a", "http://other.example/b", "http://127.0.0.1/c", "ftp:x", "http://[x"),
        XML,
    )
    taken, refused = pages()
    assert taken == ["/a"]
    assert set(refused.values()) == {Reason.FORBIDDEN_ADDRESS}
    assert len(refused) == 5
    assert {path for path, _ in site.asked()} == {"/sitemap.xml", "/one.xml"}


def test_include_is_the_beginning_of_an_address(site, pages):
    site.put("/sitemap.xml", urlset("BASE/blog/a", "BASE/about", "BASE/blog/b"), XML)
    assert pages(include=f"{site.base}/blog/") == (["/blog/a", "/blog/b"], {})


def test_no_sitemap_is_read_beyond_the_limit(site, pages):
    site.put("/sitemap.xml", index("BASE/one.xml", "BASE/two.xml"), XML)
    site.put("/one.xml", urlset("BASE/a", "BASE/b", "BASE/c"), XML)
    site.put("/two.xml", urlset("BASE/d"), XML)
    taken, refused = pages(limit=2)
    assert taken == ["/a", "/b", "/c"]
    assert refused == {"/two.xml": Reason.TOO_MANY}
    assert ("/two.xml", 200) not in site.asked()


def test_a_missing_sitemap_is_refused(pages):
    with pytest.raises(Refused) as refused:
        pages()
    assert refused.value.reason == Reason.GONE
