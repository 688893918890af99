import json

import pytest

from llm_twin_assets.contracts import document_id
from llm_twin_assets.sources.handbook import canonical
from resources.twins import FileSource

LINK = "https://blog.example.org/p/on-tides"


def item(**changes):
    content = {
        "Title": "On Tides",
        "Subtitle": "A study",
        "Content": "Mar 27, 2024\n\nText.",
        "language": "en",
    }
    base = {"_id": "1", "link": LINK, "platform": "blog", "author_id": "7", "author_full_name": "Grace"}
    base["content"] = content | changes.pop("content", {})
    return base | changes


@pytest.fixture
def export(write, read, tmp_path):
    def _export(value, author=None):
        path = write("../export.json", value if isinstance(value, (str, bytes)) else json.dumps(value))
        return read(FileSource(kind="handbook_export", path=path.resolve(), author=author))

    return _export


@pytest.mark.parametrize("wrap", [list, lambda items: {"artifact_data": items}])
def test_an_article_becomes_a_document(export, wrap):
    (row,) = export(wrap([item(link=f"{LINK}?r=abc#top")])).rows.values()
    assert (row.uri, row.document_id) == (LINK, document_id(LINK))
    assert (row.title, row.author, row.platform, row.kind) == ("On Tides", "Grace", "blog", "article")
    assert (row.published_at, row.language, row.text) == ("2024-03-27", "en", "Mar 27, 2024\n\nText.")


@pytest.mark.parametrize(
    ("link", "uri"),
    [("https://a/b?c=d", "https://a/b"), ("https://a/b#c", "https://a/b"), (" https://a/b ", "https://a/b")],
)
def test_the_address_is_the_link_without_who_shared_it(link, uri):
    assert canonical(link) == uri


def test_line_ends_are_brought_to_one(export):
    (row,) = export([item(content={"Content": "One\r\ntwo\rthree"})]).rows.values()
    assert row.text == "One\ntwo\nthree"


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"Title": "  Two\n lines "}, "Two lines"),
        ({"Title": "", "Content": "# From the *text*\n\nWords."}, "From the text"),
        ({"Title": None, "Content": "No heading."}, "on-tides"),
    ],
)
def test_the_title_is_given_or_found(export, changes, title):
    (row,) = export([item(content=changes)]).rows.values()
    assert row.title == title


def test_the_sources_author_stands_in(export):
    (row,) = export([item(author_full_name=None)], author="Ada Example").rows.values()
    assert row.author == "Ada Example"


@pytest.mark.parametrize(
    ("bad", "reason", "mend"),
    [
        ("text", "broken_export_item", "an article is an object"),
        (item(link=None), "broken_export_item", "link: add this field"),
        (item(link=7), "broken_export_item", "link: write text here"),
        (item(author_full_name=["a"]), "broken_export_item", "author_full_name: write text"),
        (item(author_full_name=""), "no_author", "name its author"),
        (item() | {"content": "flat"}, "broken_export_item", "content: write an object"),
        (item(content={"Content": 3}), "broken_export_item", "Content: write text here"),
        (item(content={"Content": None}), "empty", "content.Content"),
        (item(content={"Content": " \n"}), "empty", "content.Content"),
        (item(content={"Content": "half \ud83d"}), "undecodable", "surrogate"),
    ],
)
def test_a_bad_article_costs_itself(export, bad, reason, mend):
    good = item(link="https://blog.example.org/p/good")
    found = export([bad, good])
    assert list(found.reasons.values()) == [reason]
    assert mend in next(iter(found.details.values()))
    assert list(found.rows) == ["good"]


def test_the_second_of_two_articles_with_one_address_is_rejected(export):
    found = export([item(), item(link=f"{LINK}?r=2", content={"Content": "Other."})])
    assert found.reasons == {"on-tides": "duplicate_uri"}
    assert found.rows["on-tides"].text.endswith("Text.")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "broken_export_item"),
        ("[" * 200_000, "broken_export_item"),
        ('{"other": []}', "broken_export_item"),
        ('{"artifact_data": {}}', "broken_export_item"),
        ("3", "broken_export_item"),
        (b"\x00\x01", "binary"),
        (b'["caf\xe9"]', "undecodable"),
    ],
)
def test_a_file_that_is_no_export_is_one_rejected_item(export, content, reason):
    found = export(content)
    assert found.reasons == {"export.json": reason}
    assert found.rows == {}


def test_an_empty_export_is_no_fault(export):
    found = export([])
    assert (found.rows, found.reasons) == ({}, {})
