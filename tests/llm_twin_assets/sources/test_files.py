"""Files as items: known by size and time, read within bounds."""

import os

import pytest

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.connector import Item
from llm_twin_assets.sources.files import FilesConnector
from llm_twin_assets.sources.reading import Entry, Refused
from resources.twins import FileSource


def echo(name, data, author):
    return [Entry(name, name, f"{author}", lambda: None)]


@pytest.fixture
def connect(catalog, tmp_path):
    def _connect(kind="folder", path="texts", most=10_000):
        source = FileSource(kind=kind, path=tmp_path / path, author="Ada")
        return FilesConnector(catalog(source).files(source), echo, most)

    return _connect


def refusal(call):
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def test_items_are_files_in_order_with_marks_of_size_and_time(write, connect):
    for name in ("b.md", "a.md"):
        os.utime(write(name, "12345"), ns=(1, 7))
    assert connect().items() == [Item("texts/a.md", "5 7"), Item("texts/b.md", "5 7")]


def test_bytes_and_author_reach_the_parser(write, connect):
    write("a.md", "Some words.")
    connector = connect()
    (item,) = connector.items()
    assert connector.fetch(item) == b"Some words."
    assert connector.parse(item, b"")[0].source_hash == "Ada"


def test_a_file_above_the_limit_is_not_read(write, connect):
    write("a.md", b"x" * 10_001)
    connector = connect()
    refused = refusal(lambda: connector.fetch(connector.items()[0]))
    assert refused.reason == Reason.TOO_LARGE
    assert "split the file" in refused.detail


def test_a_file_that_cannot_be_read_says_why_and_is_marked_by_it(write, connect, tmp_path):
    write("a.md")
    (tmp_path / "texts" / "gone.md").symlink_to("nowhere.md")
    connector = connect()
    item = connector.items()[1]
    assert item.mark == "No such file or directory"
    assert refusal(lambda: connector.fetch(item)).reason == Reason.UNREADABLE


def test_a_file_that_vanishes_after_listing_costs_itself(write, connect):
    path = write("a.md")
    connector = connect()
    path.unlink()
    assert refusal(lambda: connector.fetch(connector.items()[0])).reason == Reason.UNREADABLE


def test_an_unpacked_export_is_one_item_that_follows_its_files(write, connect):
    write("Shares.csv", "Date\n")
    (before,) = connect("linkedin_export").items()
    write("Articles/one.html", "<p>One.</p>")
    connector = connect("linkedin_export")
    (after,) = connector.items()
    assert before.name == after.name == "texts"
    assert before.mark != after.mark
    assert connector.fetch(after).startswith(b"PK")
