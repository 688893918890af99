import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Unreachable
from llm_twin_assets.sources.pages import (
    address,
    article,
    fetched,
    host,
    html_text,
    language,
    own_address,
    page_language,
    title_from,
)
from llm_twin_assets.sources.reading import Refused
from tests.llm_twin_assets.sources.site import fetcher, serving

AT = "https://example.org/notes/tides"


def head(*links: str) -> str:
    return f"<html lang='en-GB'><head>{''.join(links)}</head><body><p>Words.</p></body></html>"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://example.org/a?source=rss#top", "https://example.org/a"),
        ("/b", "https://example.org/b"),
        ("c", "https://example.org/notes/c"),
        ("https://example.org/?p=12&preview=1", "https://example.org/?p=12"),
        ("https://example.org?page_id=3", "https://example.org?page_id=3"),
        ("https://example.org/a?p=12", "https://example.org/a"),
        (" https://example.org/a \n", "https://example.org/a"),
        ("", None),
        ("mailto:ada@example.org", None),
        ("javascript:void(0)", None),
        ("http://[broken/a", None),
    ],
)
def test_an_address_says_what_a_link_leads_to(link, expected):
    assert address(link, AT) == expected


@given(st.text(max_size=60))
def test_an_address_is_its_own_address(link):
    found = address(link, AT)
    assert found is None or address(found, "https://other.example/") == found


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        (["<link rel='canonical' href='https://example.org/on-tides?x=1'>"], "https://example.org/on-tides"),
        (["<link href='/on-tides' rel='canonical'>"], "https://example.org/on-tides"),
        (["<link rel='canonical' href='https://elsewhere.example/copy'>"], AT),
        (["<link rel='canonical' href=''>", "<link rel='icon' href='/i.png'>"], AT),
        (["<!-- <link rel='canonical' href='/old'> -->"], AT),
        ([], AT),
    ],
)
def test_a_page_names_its_own_address_on_its_own_host_only(links, expected):
    assert own_address(head(*links), f"{AT}?utm_source=x#part") == expected


def test_languages_hosts_and_titles():
    assert page_language(head()) == "en"
    assert page_language("<html><body><p>Words.</p></body></html>") is None
    codes = {
        "en": "en",
        "pt-BR": "pt",
        "zh_Hant": "zh",
        " DE ": "de",
        "english": None,
        "x-a": None,
        None: None,
    }
    assert {tag: language(tag) for tag in codes} == codes
    assert host("https://Blog.Example.org:8080/a") == "blog.example.org"
    assert title_from("https://example.org/notes/on-tides/") == "on-tides"
    assert title_from("https://example.org/") == "example.org"


def test_the_servers_charset_goes_before_the_pages():
    page = "<html><meta charset='iso-8859-15'><body>20 € or ½</body></html>".encode("iso-8859-15", "replace")
    assert "20 €" in html_text(page)
    assert "20 ¤" in html_text(page, "iso-8859-1")
    with pytest.raises(Refused) as refused:
        html_text(page, "no-such-charset")
    assert refused.value.reason == Reason.UNDECODABLE


def test_a_piece_of_a_page_is_an_article_as_a_whole():
    sentence = "The tide came in slowly that evening, and nobody on the pier looked up. "
    piece = f"<p>{sentence * 3}</p><h2>Later</h2><p>{sentence * 3}</p><ul><li>One boat</li></ul>"
    text = article(html_text(piece.encode())).text
    assert text.count("The tide came in") == 6
    assert "## Later" in text
    assert "- One boat" in text


def test_a_page_without_text_is_an_empty_article():
    found = article(html_text(b"<html><head><title>A</title></head><body></body></html>"))
    assert not found.text.strip()


def test_what_cannot_be_fetched_is_refused_for_good_or_for_now(tmp_path):
    with serving() as site:
        for path, status in (("/gone", 404), ("/busy", 503)):
            site.fail(path, status)
        site.put("/private/a", "<p>Words.</p>")
        get = fetcher(tmp_path)
        with pytest.raises(Refused) as gone:
            fetched(get, f"{site.base}/gone", ["text/html"])
        with pytest.raises(Unreachable):
            fetched(get, f"{site.base}/busy", ["text/html"])
        with pytest.raises(Refused) as private:
            fetched(get, f"{site.base}/private/a", ["text/html"])
    assert gone.value.reason == Reason.GONE
    assert private.value.reason == Reason.DISALLOWED_BY_ROBOTS
