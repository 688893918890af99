import io
import zipfile

import pytest

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.medium import medium_entries
from llm_twin_assets.sources.reading import Refused

PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>
<style>* {{ color: red }}</style>
</head><body><article class="h-entry"><header><h1 class="p-name">{title}</h1></header>
<section data-field="subtitle" class="p-summary">Not in the body</section>
<section data-field="body" class="e-content">{body}</section>
<footer><p>By <a href="https://medium.com/@grace" class="p-author h-card">Grace  Hopper</a> on
<a href="https://medium.com/p/abc">
<time class="dt-published" datetime="2024-03-27T10:00:00.000Z">March</time></a>
</p><p><a href="{link}" class="p-canonical">Canonical link</a></p><p>Exported from Medium.</p></footer>
</article></body></html>"""
BODY = """<section name="ab12" class="section section--body"><div class="section-divider"><hr></div>
<div class="section-content"><div class="section-inner sectionLayout--insetColumn">
<h3 name="1" class="graf graf--h3 graf--title">On Tides</h3><h4 class="graf graf--h4">Twice a day</h4>
<p class="graf graf--p">The moon’s pull is <strong>strong</strong>; see <a href="https://example.org/moon"
data-href="https://example.org/moon" class="markup--anchor" rel="noopener">the moon</a>.</p>
<ul class="postList"><li class="graf graf--li">first thing</li><li>second thing</li></ul>
<ol class="postList"><li>one step</li><li>two steps</li></ol>
<pre class="graf graf--pre">def tide(hours):<br>    return hours / 12</pre>
<pre data-code-block-mode="1" class="graf graf--preV2"><span class="pre--content"><span>def</span> flood(x):
    return x &lt; 2</span></pre>
<p>Use <code class="markup--code">tide()</code> here.</p></div></div></section>
<section class="section"><p>Last words of another section.</p></section>"""
LINK = "https://medium.com/@grace/on-tides-abc"


def page(body=BODY, title="On Tides", link=LINK):
    return PAGE.format(body=body, title=title, link=link)


def export(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def read(members, author="Ada Example"):
    return medium_entries("medium.zip", export(members), author)


def refusal(entry):
    with pytest.raises(Refused) as caught:
        entry.parse()
    return caught.value


def test_a_post_becomes_a_document():
    (entry,) = read({"posts/2024-03-27_On-Tides-abc.html": page(link=f"{LINK}?source=friends")})
    fields = entry.parse()
    assert entry.identity == fields.uri == LINK
    assert entry.label == "medium.zip#posts/2024-03-27_On-Tides-abc.html"
    assert (fields.title, fields.author, fields.kind) == ("On Tides", "Grace Hopper", "article")
    assert (fields.platform, fields.published_at) == ("medium", "2024-03-27")
    assert "p-canonical" in fields.page


def test_structure_survives_and_the_pages_frame_does_not():
    (entry,) = read({"posts/a.html": page()})
    text = entry.parse().text
    for kept in (
        "### On Tides\n",
        "#### Twice a day\n",
        "The moon’s pull is **strong**; see [the moon](https://example.org/moon).",
        "- first thing\n- second thing\n",
        "1. one step\n2. two steps\n",
        "```\ndef tide(hours):\n    return hours / 12\n```",
        "    return x < 2\n```",
        "`tide()`",
        "Last words of another section.",
    ):
        assert kept in text
    for left in ("Not in the body", "Exported", "Canonical", "color"):
        assert left not in text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "<p>See:</p><p><a href='https://a.org/x'>only a link</a></p>",
            "See:\n\n[only a link](https://a.org/x)",
        ),
        (
            "<ul><li><a href='https://a.org/x'>one</a></li><li><a href='https://a.org/y'>two</a></li></ul>",
            "- [one](https://a.org/x)\n- [two](https://a.org/y)",
        ),
        (
            "<p>a <a href='https://a.org/(x)?b=c#d'><em>b</em></a> <strong>c</strong></p>",
            "a [*b*](https://a.org/%28x%29?b=c#d) **c**",
        ),
        ("<p>a <a href='javascript:alert(1)'>b</a> <a href='https://a.org'></a>c</p>", "a b c"),
        ("<div>plain words<p>more</p>and <b>bold</b> ones</div>", "plain words\n\nmore\n\nand **bold** ones"),
        ("<figure><img src='x.png'><figcaption>A caption</figcaption></figure><p>x</p>", "A caption\n\nx"),
        ("<p>signs ⦗7⦙ of the author ⦘</p>", "signs ⦗7⦙ of the author ⦘"),
        ("<pre>a = 1</pre><pre>b = 2</pre>", "```\na = 1\n```\n```\nb = 2\n```"),
        ("<p>same</p><p>same</p><p>same</p>", "same\n\nsame\n\nsame"),
    ],
)
def test_no_words_and_no_links_are_lost(body, text):
    (entry,) = read({"posts/a.html": page(body=body)})
    assert entry.parse().text.strip() == text


def test_a_response_is_a_post_and_may_be_short():
    (entry,) = read({"posts/a.html": page(body="<p>I agree, thank you!</p>", title="I agree")})
    fields = entry.parse()
    assert (fields.kind, fields.text.strip()) == ("post", "I agree, thank you!")


def test_a_long_text_without_headings_is_an_article():
    (entry,) = read({"posts/a.html": page(body="<p>" + "many words " * 101 + "</p>")})
    assert entry.parse().kind == "article"


def test_drafts_are_left_out_with_a_reason():
    draft, post = read({"posts/draft_On-Tides.html": page(link=""), "posts/b.html": page()})
    assert "draft" in refusal(draft).detail
    assert draft.identity is None
    assert post.parse().title == "On Tides"


def test_a_post_without_canonical_link_is_named_by_its_file():
    (entry,) = read({"posts/a.html": page(link="")})
    assert entry.identity == entry.parse().uri == "file:medium.zip#posts/a.html"


def test_a_post_that_names_no_author_takes_the_declared_one():
    (entry,) = read({"posts/a.html": page().replace("Grace  Hopper", "")})
    assert entry.parse().author == "Ada Example"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (page(body=""), "empty"),
        (page(body="<figure><img src='x.png'></figure>"), "empty"),
        ("<html><body>other</body></html>", "empty"),
        ("", "broken_export_item"),
        (b"caf\xe9", "undecodable"),
        (b"\0\0", "binary"),
    ],
)
def test_a_bad_post_costs_itself(content, reason):
    bad, good = read({"posts/a.html": content, "posts/b.html": page()})
    assert refusal(bad).reason == reason
    assert good.parse().title == "On Tides"


def test_only_posts_are_read():
    members = {"profile/profile.html": page(), "posts/a.html": page(), "sessions/s-1.html": page()}
    assert [entry.label for entry in read(members)] == ["medium.zip#posts/a.html"]
    assert len(read({"medium-export/posts/a.html": page()})) == 1


@pytest.mark.parametrize("data", [b"no zip", export({"profile/profile.html": page()})])
def test_what_is_no_export_is_refused_as_one(data):
    with pytest.raises(Refused) as caught:
        medium_entries("x.zip", data, "Ada")
    assert caught.value.reason in (Reason.UNREADABLE, Reason.BROKEN_EXPORT_ITEM)


def test_the_hash_follows_the_post_and_the_declared_author():
    (one,) = read({"posts/a.html": page()})
    (same, _) = read({"posts/a.html": page(), "posts/b.html": page(title="B")})
    (changed,) = read({"posts/a.html": page(title="Other")})
    (other,) = read({"posts/a.html": page()}, author="Grace")
    assert one.source_hash == same.source_hash
    assert len({one.source_hash, changed.source_hash, other.source_hash}) == 3
