from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Item, Unreachable
from llm_twin_assets.sources.feed import FeedConnector
from llm_twin_assets.sources.reading import Refused
from tests.llm_twin_assets.sources.site import Site, fetcher, serving

NOTICE = '<p>The post <a href="/p">On it</a> appeared first on <a href="/">Notes</a>.</p>'
SENTENCE = (
    "The tide came in slowly that evening, and nobody on the pier looked up from what they were doing. "
)
BODY = f"<p>{SENTENCE * 4}</p><h2>Later</h2><p>It’s “quoted” here. {SENTENCE * 3}</p>"
SPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom"'
)
URL = "https://ada.example/feed"


def item(name: str = "tides", content: str = BODY, extra: str = "", link: str | None = None) -> str:
    """An entry as Substack and Medium write it."""
    link = link if link is not None else f"<link>https://ada.example/p/{name}?source=rss-1</link>"
    return f"""<item><title><![CDATA[On {name} &amp; more]]></title>
      <description><![CDATA[A subtitle]]></description>{link}<guid isPermaLink="false">id-{name}</guid>
      <dc:creator><![CDATA[Ada Example]]></dc:creator><pubDate>Wed, 27 Mar 2024 23:30:00 -0500</pubDate>
      <content:encoded><![CDATA[{content}]]></content:encoded>{extra}</item>"""


def rss(*items: str, head: str = "<language>en-us</language>") -> str:
    channel = f"<title>Notes</title><link>https://ada.example</link>{head}"
    start = f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0' {SPACES}>"
    return f"{start}<channel>{channel}{''.join(items)}</channel></rss>"


def atom(*entries: str, head: str = "<author><name>Ada Example</name></author>") -> str:
    start = "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de'>"
    return f"{start}<title>N</title>{head}{''.join(entries)}</feed>"


def entries(feed: str | bytes, author: str | None = None):
    data = feed.encode() if isinstance(feed, str) else feed
    return FeedConnector(None, URL, author).parse(Item(URL, None), data)


def parsed(feed: str | bytes, author: str | None = None):
    (entry,) = entries(feed, author)
    return entry.parse()


def refusal(feed: str | bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        parsed(feed)
    return refused.value


def test_an_entry_of_rss_is_a_document():
    (entry,) = entries(rss(item()))
    found = entry.parse()
    assert entry.identity == entry.label == found.uri == "https://ada.example/p/tides"
    assert (found.title, found.author, found.kind) == ("On tides & more", "Ada Example", "article")
    assert (found.platform, found.published_at, found.language) == ("ada.example", "2024-03-27", "en")
    assert found.text.count("The tide came in slowly") == 7
    assert "## Later" in found.text
    assert "It’s “quoted” here." in found.text
    assert "The tide" in found.page


def test_what_an_entry_hides_is_no_text_but_stays_to_be_looked_through():
    hidden = '<p style="display:none">Hidden words.</p><p><a href="/b">A link</a></p>'
    found = parsed(rss(item(content=BODY + hidden)))
    assert "Hidden words" not in found.text
    assert hidden in found.page


def test_an_entry_of_atom_is_a_document():
    found = parsed(
        atom(
            "<entry><title type='html'>On &lt;em&gt;tides&lt;/em&gt;</title><id>urn:1</id>"
            "<link rel='edit' href='/edit/1'/><link rel='alternate' href='/notes/tides#top'/>"
            "<published>2024-03-27T23:30:00-05:00</published><updated>2024-05-01T00:00:00Z</updated>"
            f"<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>{BODY}</div></content></entry>"
        )
    )
    assert (found.title, found.author, found.language) == ("On tides", "Ada Example", "de")
    assert (found.uri, found.published_at) == ("https://ada.example/notes/tides", "2024-03-27")
    assert "## Later" in found.text


def test_the_content_goes_before_the_summary_and_the_summary_before_nothing():
    assert "A subtitle" not in parsed(rss(item())).text
    author = "<author>a@b.example (Ada)</author>"
    old = f"<item><link>https://ada.example/a</link>{author}<description>{{}}</description></item>"
    found = parsed(rss(old.format(f"&lt;p&gt;{SENTENCE * 3}&lt;/p&gt;")))
    assert (found.text.count("The tide"), found.author, found.title) == (3, "Ada", "a")
    assert parsed(rss(old.format("Plain words, all of them, &amp;amp; no teaser."))).text.startswith(
        "Plain words"
    )


def test_plain_text_stays_as_it_is():
    text = "Two  spaces, a < b and\n\n*a star*."
    written = text.replace("<", "&lt;")
    link = "<link href='https://ada.example/a'/>"
    found = parsed(atom(f"<entry><title>A</title>{link}<content type='text'>{written}</content></entry>"))
    assert (found.text, found.page) == (text, None)


@pytest.mark.parametrize(
    ("creator", "head", "declared", "author"),
    [
        (
            "<dc:creator>Grace</dc:creator>",
            "<managingEditor>e@x.example (Editor)</managingEditor>",
            "Ada",
            "Grace",
        ),
        ("", "<managingEditor>e@x.example (Editor)</managingEditor>", "Ada", "Editor"),
        ("", "", "Ada", "Ada"),
        ("<author>grace@x.example</author>", "", "Ada", "Ada"),
        ("<dc:creator>Grace</dc:creator><dc:creator>Ada</dc:creator>", "", None, "Grace, Ada"),
    ],
)
def test_the_author_is_the_entrys_else_the_feeds_else_the_declared(creator, head, declared, author):
    entry = f"<item><link>https://ada.example/a</link>{creator}<description>{SENTENCE}</description></item>"
    assert parsed(rss(entry, head=head), declared).author == author


def test_without_any_author_an_entry_is_refused():
    entry = f"<item><link>https://ada.example/a</link><description>{SENTENCE}</description></item>"
    assert refusal(rss(entry)).reason == Reason.NO_AUTHOR


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("<pubDate>Sat, 01 Jun 2024 01:00:00 GMT</pubDate>", "2024-06-01"),
        ("<pubDate>Sat, 01 Jun 24 01:00:00 GMT</pubDate>", "2024-06-01"),
        ("<dc:date>2024-06-01</dc:date>", "2024-06-01"),
        ("<atom:updated>2024-06-01T12:00:00Z</atom:updated>", "2024-06-01"),
        ("<pubDate>some day</pubDate>", None),
        ("", None),
    ],
)
def test_the_date_is_the_day_that_the_entry_writes(written, day):
    entry = f"<item><link>https://ada.example/a</link>{written}<description>{SENTENCE}</description></item>"
    assert parsed(rss(entry), "Ada").published_at == day


TEASERS = {
    "dots": f"<p>{SENTENCE} It began when…</p>",
    "wordpress": f"<p>{SENTENCE} [&#8230;]</p>{NOTICE}",
    "wordpress link": f'<p>{SENTENCE}&#8230; <a href="/p">Continue reading <span>On it</span></a></p>',
    "substack": f'{BODY}<p><a href="https://ada.example/p/tides">Read more</a></p>',
    "medium": '<p>A subtitle.</p><p><a href="/p">Continue reading on Notes for All »</a></p>',
    "keep reading": f"<p>{SENTENCE}</p><p>Keep reading →</p>",
}


@pytest.mark.parametrize("name", TEASERS)
def test_a_teaser_is_refused_with_what_to_do(name):
    refused = refusal(rss(item(content=TEASERS[name])))
    assert refused.reason == Reason.TEASER
    assert "teaser" in refused.detail
    assert "web source" in refused.detail


@pytest.mark.parametrize(
    "content",
    [
        f"<p>{SENTENCE * 8}</p><p>And then the boats came home…</p>",
        f"<p>{SENTENCE}</p><p>I went on to read more books than that.</p>",
        f"<p>{SENTENCE}</p><p>Who would keep reading?</p>",
    ],
)
def test_a_whole_entry_is_no_teaser(content):
    assert "The tide" in parsed(rss(item(content=content))).text


@pytest.mark.parametrize(
    "notice",
    [
        NOTICE,
        '<hr><p><a href="/p">On it</a> was originally published in <a href="/n">Notes</a> on Medium, where '
        "people are continuing the conversation by highlighting and responding to this story.</p>",
    ],
)
def test_what_blog_software_adds_is_cut(notice):
    text = parsed(rss(item(content=BODY + notice))).text
    assert text.rstrip().endswith("what they were doing.")


def test_the_preview_of_a_paid_post_is_refused():
    paid = f"{BODY}<h2>This post is for paid subscribers</h2><p>Subscribe now</p>"
    assert refusal(rss(item(content=paid))).reason == Reason.LOGIN_PAGE


def test_a_post_that_quotes_a_paywall_is_read():
    quoting = f"{BODY}<blockquote><p>This post is for paid subscribers</p></blockquote>{BODY}"
    assert "The tide" in parsed(rss(item(content=quoting))).text


def test_an_entry_without_link_or_text_costs_itself():
    found = entries(rss(item("a", link=""), item("b", content=" ").replace("A subtitle", ""), item("c")))
    assert [entry.identity is None for entry in found] == [True, False, False]
    assert found[0].label == f"{URL}[0]"
    reasons = []
    for entry in found[:2]:
        with pytest.raises(Refused) as refused:
            entry.parse()
        reasons.append(refused.value.reason)
    assert reasons == [Reason.BROKEN_ITEM, Reason.EMPTY]
    assert "The tide" in found[2].parse().text


def test_a_permanent_guid_is_a_link():
    guid = '<guid isPermaLink="true">https://ada.example/p/by-guid</guid>'
    (entry,) = entries(rss(f"<item>{guid}<description>{SENTENCE}</description></item>"))
    assert entry.identity == "https://ada.example/p/by-guid"


def test_two_entries_with_one_link_have_one_identity():
    first, second = entries(rss(item("a"), item("a", content=f"<p>{SENTENCE * 2}</p>")))
    assert first.identity == second.identity
    assert first.source_hash != second.source_hash


def test_the_hash_follows_the_entry_and_not_the_feed():
    before = entries(
        rss(item("a"), item("b"), head="<lastBuildDate>Mon, 01 Apr 2024 00:00:00 GMT</lastBuildDate>")
    )
    after = entries(
        rss(
            item("new"),
            item("a", extra="<comments>https://ada.example/c</comments>"),
            item("b", content=BODY + "<p>And more.</p>"),
            head="<lastBuildDate>Tue, 02 Apr 2024 00:00:00 GMT</lastBuildDate>",
        )
    )
    assert after[1].source_hash == before[0].source_hash
    assert after[2].source_hash != before[1].source_hash
    assert entries(rss(item("a")), "Grace")[0].source_hash != entries(rss(item("a")))[0].source_hash


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "aaaaaaaaaa"}">' for n in range(9))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.BROKEN_ITEM),
        (b"<rss><channel><item", Reason.BROKEN_ITEM),
        (b"no feed at all", Reason.BROKEN_ITEM),
        (b"<html><body><h1>Welcome</h1><p>To my site.</p></body></html>", Reason.BROKEN_ITEM),
        (b"<html><head><title>Just a moment...</title></head><body></body></html>", Reason.BOT_WALL),
        (b"\x00\x01\x02", Reason.BINARY),
        (
            rss(item(content="Caf\u00e9")).replace("encoding='UTF-8'", "").encode("latin-1"),
            Reason.UNDECODABLE,
        ),
    ],
)
def test_what_is_no_feed_is_refused(data, reason):
    with pytest.raises(Refused) as refused:
        entries(data)
    assert refused.value.reason == reason


def test_an_empty_feed_has_no_entries():
    assert entries(rss()) == []


def test_a_feed_is_read_in_the_encoding_it_declares():
    feed = rss(item(content=f"<p>Café. {SENTENCE * 3}</p>")).replace("UTF-8", "iso-8859-1").encode("latin-1")
    assert "Café." in parsed(feed).text


def test_a_feed_that_breaks_off_costs_its_last_entry():
    whole = rss(item("a"), item("b"))
    first, last = entries(whole[: whole.rindex("nobody on the pier")])
    assert "The tide" in first.parse().text
    with pytest.raises(Refused, match="breaks off"):
        last.parse()


def test_a_stray_sign_does_not_cost_the_feed():
    first, second = entries(rss(item("a"), "<x & y>", item("b")))
    assert "The tide" in first.parse().text
    assert "The tide" in second.parse().text


def test_entities_do_not_multiply_and_open_no_file(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret words")
    declared = f'<!DOCTYPE rss [{BOMB}<!ENTITY f SYSTEM "{secret.as_uri()}">]>'
    feed = rss(item(content=BODY, extra="<category>&e8;&f;</category>")).replace("<rss", f"{declared}<rss", 1)
    found = parsed(feed)
    assert "secret" not in found.text
    assert len(found.text) < 2 * len(BODY)


def test_a_body_that_is_a_path_is_not_opened(tmp_path):
    path = tmp_path / "feed.xml"
    path.write_text(rss(item()))
    with pytest.raises(Refused):
        entries(str(path))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_breaks_it(data):
    feed = rss(item("a"), item("b"))
    start = data.draw(st.integers(0, len(feed)))
    end = data.draw(st.integers(start, min(len(feed), start + 200)))
    put = data.draw(
        st.sampled_from(["", "<", "&", "<![CDATA[", "]]>", "</item>", "<link>http://[x</link>", "\ud7ff"])
    )
    try:
        for entry in entries(feed[:start] + put + feed[end:]):
            entry.parse()
    except Refused:
        pass


@pytest.fixture
def site():
    with serving() as site:
        yield site


def run(site: Site, folder) -> SimpleNamespace:
    """One run of the connector, as a new process would do it."""
    connector = FeedConnector(fetcher(folder), f"{site.base}/feed", None)
    (listed,) = connector.items()
    found = connector.parse(listed, connector.fetch(listed))
    return SimpleNamespace(item=listed, entries=[(entry.identity, entry.source_hash) for entry in found])


def test_a_feed_is_asked_for_once_and_an_unchanged_one_not_sent_again(site, tmp_path):
    site.put("/feed", rss(item("a"), item("b")), "application/rss+xml")
    first = run(site, tmp_path)
    assert first.item.name == f"{site.base}/feed"
    assert site.asked() == [("/feed", 200)]
    assert run(site, tmp_path) == first
    assert site.asked() == [("/feed", 304)]
    site.put("/feed", rss(item("c"), item("a")), "application/rss+xml")
    changed = run(site, tmp_path)
    assert changed.item.mark != first.item.mark
    assert changed.entries[1] == first.entries[0]
    assert FeedConnector.keeps_vanished


def test_the_servers_charset_and_a_page_in_place_of_the_feed(site, tmp_path):
    feed = rss(item(content=f"<p>Café. {SENTENCE * 3}</p>")).replace("encoding='UTF-8'", "")
    site.put("/feed", feed.encode("latin-1"), "application/xml; charset=iso-8859-1")
    connector = FeedConnector(fetcher(tmp_path), f"{site.base}/feed", None)
    (listed,) = connector.items()
    (entry,) = connector.parse(listed, connector.fetch(listed))
    assert "Café." in entry.parse().text
    site.put("/feed", "<html><body><h1>Verify you are human</h1></body></html>")
    with pytest.raises(Refused) as refused:
        run(site, tmp_path)
    assert refused.value.reason == Reason.BOT_WALL


def test_a_feed_that_cannot_be_had_says_so(site, tmp_path):
    site.fail("/feed", 503)
    with pytest.raises(Unreachable):
        run(site, tmp_path)
    site.fail("/feed", 410)
    with pytest.raises(Refused) as refused:
        run(site, tmp_path)
    assert refused.value.reason == Reason.GONE
