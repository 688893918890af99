"""Every kind of source declared in one twins file, read over real HTTP and from a real repository."""

import io
import json
import subprocess
import zipfile

import pytest

from llm_twin_assets.contracts import RAW_DOCUMENTS, empty
from llm_twin_assets.sources.connectors import look, raw_documents
from resources.build import build_catalog
from resources.settings import Settings
from resources.twins import load_twins
from tests.llm_twin_assets.sources.site import serving
from tests.prose import prose

KINDS = ["feed", "folder", "git", "handbook_export", "jsonl", "linkedin_export", "medium_export", "web"]


def _page(title, seed):
    body = "".join(f"<p>{prose(seed + part)}</p>" for part in range(3))
    head = f"<head><title>{title}</title></head>"
    return f"<html>{head}<body><article><h1>{title}</h1>{body}</article></body></html>"


def _entry(name):
    text = prose(len(name) + ord(name[0]))
    day = "<pubDate>Wed, 27 Mar 2024 10:00:00 GMT</pubDate>"
    body = f"<description><![CDATA[<p>{text}</p>]]></description>"
    return f"<item><title>{name}</title><link>https://feed.example/{name}</link>{day}{body}</item>"


def _feed(*names):
    items = "".join(map(_entry, names))
    return f"<?xml version='1.0'?><rss version='2.0'><channel><title>N</title>{items}</channel></rss>"


def _zip(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


def _git(folder, *arguments):
    who = ["-c", "user.name=Ada Example", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def site():
    with serving() as made:
        made.put("/feed", _feed("one", "two"), "application/rss+xml")
        made.put("/essay", _page("An essay", 50))
        yield made


@pytest.fixture
def world(tmp_path, site):
    """Writes one document for each kind, two in the feed, and gives the reader of all of them."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "note.md").write_text(f"# Note\n\n{prose(1)}\n")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "README.md").write_text(f"# Read me\n\n{prose(2)}\n")
    _git(repository, "init", "-q")
    _git(repository, "add", ".")
    _git(repository, "commit", "-qm", "Begin")
    (tmp_path / "notes.jsonl").write_text(
        json.dumps({"text": prose(3), "url": "https://ada.example/3"}) + "\n"
    )
    article = {"link": "https://ada.example/4", "content": {"Title": "Four", "Content": prose(4)}}
    (tmp_path / "export.json").write_text(json.dumps([article]))
    shares = (
        f'Date,ShareLink,ShareCommentary,Visibility\n2024-01-02 10:00:00,https://l/5,"{prose(5)}",PUBLIC\n'
    )
    (tmp_path / "linkedin.zip").write_bytes(_zip(**{"Shares.csv": shares}))
    body = f'<section data-field="body" class="e-content"><p>{prose(6)}</p></section>'
    link = '<footer><a class="p-canonical" href="https://medium.example/6">C</a></footer>'
    post = f'<article class="h-entry"><h1 class="p-name">Six</h1>{body}{link}</article>'
    (tmp_path / "medium.zip").write_bytes(_zip(**{"posts/2024-01-03_Six-6.html": post}))
    sources = [
        {"kind": "feed", "url": f"{site.base}/feed"},
        {"kind": "folder", "path": "texts"},
        {"kind": "git", "url": "repository"},
        {"kind": "handbook_export", "path": "export.json"},
        {"kind": "jsonl", "path": "notes.jsonl"},
        {"kind": "linkedin_export", "path": "linkedin.zip"},
        {"kind": "medium_export", "path": "medium.zip"},
        {"kind": "web", "urls": [f"{site.base}/essay"]},
    ]
    declared = [source | {"author": "Ada Example"} for source in sources]
    given = {"sources": declared, "twins": [{"name": "ada", "author": "Ada Example"}]}
    (tmp_path / "twins.yaml").write_text(json.dumps(given))

    def read(previous=None):
        settings = Settings(home=tmp_path / "home", fetch_allow=["127.0.0.0/8"], fetch_pause_seconds=0)
        catalog = build_catalog(settings, load_twins(tmp_path / "twins.yaml"))
        listing = look(catalog)
        before = empty(RAW_DOCUMENTS) if previous is None else previous
        return listing, raw_documents(catalog, listing, before)

    return read


def test_every_kind_gives_its_documents(world):
    _, table = world()
    assert table.rejected["detail"].tolist() == []
    kinds = table.rows["source"].str.split().str[0]
    assert sorted(set(kinds)) == KINDS
    assert len(table.rows) == len(KINDS) + 1
    assert set(table.rows["author"]) == {"Ada Example"}
    assert table.rows["text"].str.split().str.len().min() > 50


def test_nothing_is_fetched_again_while_nothing_changes(world, site):
    first, table = world()
    site.asked()
    second, again = world(table.rows)
    assert first.version() == second.version()
    assert again.metadata["fetched"] == 0
    assert again.rows.equals(table.rows)
    assert {status for _, status in site.asked()} == {304}


def test_one_change_on_the_web_is_one_document(world, site):
    _, table = world()
    site.put("/essay", _page("An essay", 60))
    _, second = world(table.rows)
    assert [second.metadata[name] for name in ("added", "changed", "removed")] == [0, 1, 0]
    assert prose(60) in second.rows[second.rows["source"].str.startswith("web")]["text"].iloc[0]


def test_a_feed_forgets_its_old_entries_but_we_do_not(world, site):
    _, table = world()
    site.put("/feed", _feed("two", "three"), "application/rss+xml")
    _, second = world(table.rows)
    feed = second.rows[second.rows["source"].str.startswith("feed")]
    assert sorted(uri.rsplit("/", 1)[1] for uri in feed["uri"]) == ["one", "three", "two"]


def test_a_page_that_is_gone_is_removed_and_one_that_fails_stays(world, site):
    _, table = world()
    site.fail("/essay", 503)
    _, second = world(table.rows)
    assert len(second.rows) == len(table.rows)
    assert second.rejected["reason"].tolist() == ["unreachable"]
    site.fail("/essay", 404)
    _, third = world(second.rows)
    assert len(third.rows) == len(table.rows) - 1
    assert third.rejected["reason"].tolist() == ["gone"]


def test_a_page_without_end_costs_itself(world, site, tmp_path):
    site.put("/huge", b"<p>" + b"word " * 2_200_000)
    declared = json.loads((tmp_path / "twins.yaml").read_text())
    declared["sources"][-1]["urls"].insert(0, f"{site.base}/huge")
    (tmp_path / "twins.yaml").write_text(json.dumps(declared))
    _, table = world()
    assert table.rejected["reason"].tolist() == ["too_large"]
    assert len(table.rows) == len(KINDS) + 1


def test_the_order_of_sources_changes_nothing(world, tmp_path):
    _, table = world()
    declared = json.loads((tmp_path / "twins.yaml").read_text())
    declared["sources"].reverse()
    (tmp_path / "twins.yaml").write_text(json.dumps(declared))
    listing, again = world()
    assert again.rows.equals(table.rows)
    assert listing.version() == world()[0].version()


def test_without_the_setting_no_private_address_is_reached(world, site, tmp_path):
    catalog = build_catalog(Settings(home=tmp_path / "other"), load_twins(tmp_path / "twins.yaml"))
    table = raw_documents(catalog, look(catalog), empty(RAW_DOCUMENTS))
    assert sorted(table.rejected["reason"]) == ["forbidden_address", "forbidden_address"]
    assert len(table.rows) == len(KINDS) - 2
    assert site.asked() == []
