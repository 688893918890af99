import csv
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.linkedin import linkedin_entries, unwrapped
from llm_twin_assets.sources.reading import Refused

COLUMNS = ["Date", "ShareLink", "ShareCommentary", "SharedUrl", "MediaUrl", "Visibility"]
LINK = "https://www.linkedin.com/feed/update/urn%3Ali%3Ashare%3A7"
ARTICLE = """<html><head><meta charset="UTF-8"><title>Tides</title><style>p {color: red}</style></head><body>
<img src="https://example.org/x.png"><h1><a href="https://www.linkedin.com/pulse/tides-ada">On Tides</a></h1>
<p class="created">Created on 2024-03-26 09:00</p><p class="published">Published on 2024-03-27 10:00</p>
<div><p>It’s a <strong>long</strong> way to <a href="https://example.org/cafe">the café</a>.</p>
<h2>A part</h2>
<ul><li>first thing</li><li>second thing</li></ul><pre>a = 1
b = 2</pre></div></body></html>"""


def share(text="Words about tides.", link=LINK, visibility="MEMBER_NETWORK", day="2024-03-27 10:00:00"):
    return [day, link, text, "", "", visibility]


def shares(*rows):
    out = io.StringIO()
    csv.writer(out).writerows([COLUMNS, *rows])
    return out.getvalue()


def export(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def read(members, author="Ada Example"):
    return linkedin_entries("linkedin.zip", export(members), author)


def refusal(entry):
    with pytest.raises(Refused) as caught:
        entry.parse()
    return caught.value


def test_a_share_becomes_a_post():
    (entry,) = read({"Shares.csv": shares(share("First line.\n\nAnd “more”, of it."))})
    fields = entry.parse()
    assert entry.identity == fields.uri == LINK
    assert (fields.title, fields.text) == ("First line.", "First line.\n\nAnd “more”, of it.")
    assert (fields.kind, fields.platform, fields.author) == ("post", "linkedin", "Ada Example")
    assert fields.published_at == "2024-03-27"


def test_lines_wrapped_in_quotation_marks_are_unwrapped():
    written = (
        '2024-03-27 10:00:00,{0},"First, line.""\n""""\n""He said """"no"""".""\n""End.",,,MEMBER_NETWORK\n'
    )
    (entry,) = read({"Shares.csv": ",".join(COLUMNS) + "\n" + written.format(LINK)})
    assert entry.parse().text == 'First, line.\n\nHe said ""no"".\nEnd.'


@pytest.mark.parametrize(
    "text", ['"Hi"\n"there"', 'a\n"b"', "one line", '"quoted"', 'a"\nb\n"c', 'a"\n"\n"c']
)
def test_an_authors_own_quotation_marks_stay(text):
    assert unwrapped(text) == text


@given(st.lists(st.text(st.characters(exclude_characters='\n"')), min_size=2))
def test_unwrapping_gives_back_what_was_wrapped(lines):
    assert unwrapped('"\n"'.join(lines)) == "\n".join(lines)
    assert unwrapped("\n".join(lines)) == "\n".join(lines)


@pytest.mark.parametrize("visibility", ["", "PUBLIC", "member_network"])
def test_what_is_public_is_kept(visibility):
    (entry,) = read({"Shares.csv": shares(share(visibility=visibility))})
    assert entry.parse().kind == "post"


@pytest.mark.parametrize("visibility", ["CONNECTIONS", "CONTAINER", "LOGGED_IN"])
def test_what_is_not_public_is_left_out(visibility):
    hidden, kept = read({"Shares.csv": shares(share(visibility=visibility), share(link=f"{LINK}1"))})
    assert visibility in refusal(hidden).detail
    assert kept.parse().kind == "post"


def test_a_share_without_words_is_left_out():
    (entry,) = read({"Shares.csv": shares(share(" "))})
    assert refusal(entry).reason == Reason.EMPTY


def test_a_share_without_link_is_named_by_its_text():
    one, two = read({"Shares.csv": shares(share(link=""), share("Other.", link=""))})
    (_, again) = read({"Shares.csv": shares(share("New.", link=""), share(link=""))})
    assert one.identity == again.identity != two.identity
    assert one.identity.startswith("file:linkedin.zip#Shares.csv#")


def test_the_author_must_be_declared():
    post, article = read({"Shares.csv": shares(share()), "Articles/a.html": ARTICLE}, author=None)
    assert refusal(post).reason == refusal(article).reason == Reason.NO_AUTHOR


def test_an_article_becomes_a_document():
    (entry,) = read({"Articles/Articles/2024-03-27 10:00:00.0-On Tides.html": ARTICLE})
    fields = entry.parse()
    assert entry.identity == fields.uri == "https://www.linkedin.com/pulse/tides-ada"
    assert (fields.title, fields.kind, fields.published_at) == ("On Tides", "article", "2024-03-27")
    assert "It’s a **long** way to [the café](https://example.org/cafe)." in fields.text
    assert "## A part\n" in fields.text
    assert "- first thing\n- second thing\n" in fields.text
    assert "```\na = 1\nb = 2\n```" in fields.text
    for left in ("Published on", "Created on", "color", "# On Tides"):
        assert left not in fields.text.replace("## A part", "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "broken_export_item"), ("<html><body><h1>A</h1></body></html>", "empty"), (b"\xe9", "undecodable")],
)
def test_a_bad_article_costs_itself(content, reason):
    bad, good = read({"Articles/a.html": content, "Shares.csv": shares(share())})
    assert refusal(bad).reason == reason
    assert good.parse().kind == "post"


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "", f'{",".join(COLUMNS)}\n"{"x" * 200_000}'])
def test_broken_shares_leave_the_articles(content):
    bad, good = read({"Shares.csv": content, "Articles/a.html": ARTICLE})
    assert refusal(bad).reason == Reason.BROKEN_EXPORT_ITEM
    assert good.parse().kind == "article"


def test_nothing_private_is_read():
    private = dict.fromkeys(("messages.csv", "Connections.csv", "Profile.csv", "Comments.csv"), "FROM,TO\n")
    entries = read(private | {"export/Shares.csv": shares(share())})
    assert [entry.label for entry in entries] == [LINK]


@pytest.mark.parametrize("data", [b"no zip", export({"messages.csv": "a"})])
def test_what_is_no_export_is_refused_as_one(data):
    with pytest.raises(Refused) as caught:
        linkedin_entries("x.zip", data, "Ada")
    assert caught.value.reason in (Reason.UNREADABLE, Reason.BROKEN_EXPORT_ITEM)


def test_the_hash_follows_the_share_and_the_declared_author():
    (one,), (again,) = (read({"Shares.csv": shares(share())}) for _ in range(2))
    (other,) = read({"Shares.csv": shares(share())}, author="Grace")
    (changed,) = read({"Shares.csv": shares(share("New."))})
    assert one.source_hash == again.source_hash
    assert len({one.source_hash, other.source_hash, changed.source_hash}) == 3
