import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import content_hash, document_id
from llm_twin_assets.sources.reading import MAX_BYTES

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"
PAGE = """<!doctype html><html><head><meta charset="{charset}"><title>On Tides | A Site</title>
<meta name="author" content="Jane Doe"><meta property="article:published_time" content="2024-03-27T10:00:00Z">
</head><body><nav><a href="/">Home</a> <a href="/about">About us</a></nav><article><h1>On Tides</h1>
<p>It’s a long way to the café — the author’s “quoted” words stand here for a whole sentence.</p>
<h2>Second part</h2><p>Some more words follow in another paragraph of the same article.</p>
<pre><code>def tide(hours):
    return hours / 12
</code></pre></article><footer>Copyright and other furniture</footer></body></html>"""


def test_front_matter_names_everything(write, read):
    write(
        "a.md",
        "---\ntitle: A Title\nauthor: Grace\ndate: 2024-03-27\nplatform: blog\nkind: post\n"
        "url: https://example.org/a\nlanguage: en\nsource: ignored\n---\nBody text.\n",
    )
    (row,) = read().rows.values()
    assert (row.title, row.author, row.platform, row.kind) == ("A Title", "Grace", "blog", "post")
    assert (row.published_at, row.language, row.uri) == ("2024-03-27", "en", "https://example.org/a")
    assert row.text == "Body text.\n"
    assert row.document_id == document_id(row.uri)


def test_a_document_without_front_matter_takes_what_is_known(write, read):
    write("notes/on-tides.md", "Text without heading.")
    (row,) = read().rows.values()
    assert (row.title, row.author) == ("on-tides", "Ada Example")
    assert (row.platform, row.kind, row.uri) == ("folder", "article", "file:texts/notes/on-tides.md")
    assert row.document_id == document_id(row.uri)
    assert row.content_hash == content_hash("Text without heading.")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Intro.\n\n## The **first** heading ##\n\n# Second\n", "The first heading"),
        ("```\n# in code\n```\n\n# After code\n", "After code"),
        ("Underlined\n==========\n\nText.", "Underlined"),
        ("---\nauthor: Grace\n---\n\n# From the text\n", "From the text"),
        ("---\ntitle: From above\n---\n\n# From the text\n", "From above"),
        ("---\ntitle: 1984\n---\nText.", "1984"),
        ("#\n\nNo words in that heading.", "a"),
    ],
)
def test_the_title_is_the_front_matters_else_the_first_heading_else_the_name(write, read, text, title):
    write("a.md", text)
    assert read().rows["a.md"].title == title


def test_front_matter_speaks_before_the_source(write, read):
    write("a.md", "---\nauthor: Grace\n---\nText.")
    assert read(author="Ada Example").rows["a.md"].author == "Grace"


def test_without_any_author_a_document_is_rejected(write, read):
    write("a.md")
    write("b.md", "---\nauthor:\n---\nText.")
    found = read(author=None)
    assert found.reasons == {"a.md": "no_author", "b.md": "no_author"}
    assert "twins file" in found.details["a.md"]


@pytest.mark.parametrize(
    ("name", "content", "reason", "mend"),
    [
        ("empty.md", "", "empty", "fill it"),
        ("blank.md", " \n\t\n", "empty", "fill it"),
        ("only-front.md", "---\ntitle: A\n---\n \n", "empty", "fill it"),
        ("picture.md", PNG, "binary", "convert"),
        ("latin.md", "Café crème".encode("latin-1"), "undecodable", "save it as UTF-8"),
        ("open.md", "---\ntitle: A\n\nText.", "broken_front_matter", "never closed"),
        ("colon.md", "---\ntitle: a: b\n---\nText.", "broken_front_matter", "line 2"),
        ("list.md", "---\n- a\n- b\n---\nText.", "broken_front_matter", "fields"),
        ("authors.md", "---\nauthor: [a, b]\n---\nText.", "broken_front_matter", "author: write one text"),
        ("date.md", "---\ndate: 2024-13-45\n---\nText.", "broken_front_matter", "2024-03-27"),
        ("surrogate.md", '---\ntitle: "\\ud83d"\n---\nText.', "undecodable", "surrogate"),
        ("nothing.html", "<html><head><title>A</title></head><body></body></html>", "empty", "fill it"),
    ],
)
def test_a_bad_file_costs_itself_and_says_why(write, read, name, content, reason, mend):
    write(name, content)
    write("good.md", "Good text.")
    found = read()
    assert found.reasons == {name: reason}
    assert mend in found.details[name]
    assert list(found.rows) == ["good.md"]


def test_what_is_no_readable_file_is_rejected(write, read, tmp_path):
    write("good.md")
    (tmp_path / "texts" / "dangling.md").symlink_to("nowhere")
    (tmp_path / "texts" / "folder.md").mkdir()
    os.mkfifo(tmp_path / "texts" / "pipe.md")
    found = read()
    assert found.reasons == dict.fromkeys(["dangling.md", "folder.md", "pipe.md"], "unreadable")
    assert list(found.rows) == ["good.md"]


def test_a_file_above_the_limit_is_not_even_opened(write, read):
    with write("large.md", b"").open("wb") as handle:
        handle.truncate(5 * MAX_BYTES)
    found = read()
    assert found.reasons == {"large.md": "too_large"}
    assert "50 MB" in found.details["large.md"]


def test_a_file_at_the_limit_is_read(write, read):
    write("large.txt", b"word " * (MAX_BYTES // 5))
    assert read().reasons == {}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_and_its_mark_removed(write, read, encoding):
    write("a.txt", "Café — “quoted”.\r\nSecond\rthird".encode(encoding))
    assert read().rows["a.txt"].text == "Café — “quoted”.\nSecond\nthird"


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")).filter(
    lambda text: text.strip() and not text.startswith(("---", "\ufeff"))
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TEXTS)
def test_no_character_changes_but_line_ends(write, read, text):
    write("a.txt", text.replace("\n", "\r\n").encode())
    write("b.md", f"---\nauthor: Grace\n---\n{text}".encode())
    found = read()
    assert found.rows["a.txt"].text == text
    assert found.rows["b.md"].text == text


def test_a_web_page_becomes_its_article(write, read):
    write("tides.html", PAGE.format(charset="utf-8"))
    row = read().rows["tides.html"]
    assert (row.title, row.author, row.published_at) == ("On Tides", "Jane Doe", "2024-03-27")
    assert "author’s “quoted” words" in row.text
    assert "## Second part" in row.text
    assert "    return hours / 12" in row.text
    assert "furniture" not in row.text
    assert "About us" not in row.text


def test_a_web_page_is_read_in_the_charset_it_declares(write, read):
    write("tides.htm", PAGE.format(charset="windows-1252").encode("cp1252"))
    assert "café — the author’s" in read().rows["tides.htm"].text


@pytest.mark.parametrize("charset", ["windows-1252", "no-such-charset"])
def test_utf8_goes_before_a_wrong_declaration(write, read, charset):
    write("tides.htm", PAGE.format(charset=charset))
    assert "café — the author’s" in read().rows["tides.htm"].text


@pytest.mark.parametrize("charset", ["no-such-charset", "utf-8", "rot13", "undefined"])
def test_a_web_page_that_its_declaration_does_not_decode_is_rejected(write, read, charset):
    write("tides.htm", PAGE.format(charset=charset).encode("cp1252"))
    assert read().reasons == {"tides.htm": "undecodable"}


def test_a_page_without_article_is_taken_whole(write, read):
    write("bare.html", "<p>Hello world, these few words are all there is.</p>")
    assert "Hello world" in read().rows["bare.html"].text
