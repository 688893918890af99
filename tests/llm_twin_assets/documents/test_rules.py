"""What the settings and the twins file say about cleaning, and what a cleaned document hangs on."""

import pytest

from llm_twin_assets.contracts import document_id
from llm_twin_assets.documents.rules import CLEANED_FROM, Rules, rules_of
from resources.settings import Settings
from resources.twins import FileSource, Twin, Twins

RAW = dict.fromkeys(CLEANED_FROM, "x") | {"author": "Ada", "source_hash": "1", "stamp": "1"}


@pytest.fixture
def twins(tmp_path):
    source = FileSource(kind="folder", path=tmp_path)
    ada = Twin(name="ada", author="Ada", public=["ada@harbour.blog"])
    return Twins(root=tmp_path, sources=[source], twins=[ada], trusted=["file:a.md"])


def test_the_twins_file_names_public_handles_and_trusted_documents(twins):
    rules = rules_of(Settings(), twins)
    assert rules == Rules(frozenset([document_id("file:a.md")]), {"Ada": ("ada@harbour.blog",)})


def test_a_setting_adds_presidios_search(twins):
    rules = rules_of(Settings(redaction="presidio"), twins)
    assert rules.redaction == "presidio"
    assert [finding.kind for finding in rules.more("His number is 219-09-9999.")] == ["US_SSN"]
    assert rules.version() != rules_of(Settings(), twins).version()


@pytest.mark.parametrize("name", CLEANED_FROM)
def test_every_column_that_is_cleaned_counts(name):
    assert Rules().made_of(RAW | {name: "y"}) != Rules().made_of(RAW)


@pytest.mark.parametrize("name", ["source_hash", "stamp"])
def test_where_it_was_read_does_not_count(name):
    assert Rules().made_of(RAW | {name: "y"}) == Rules().made_of(RAW)


def test_another_authors_handles_do_not_count():
    assert Rules(public={"Ben": ("b@x.org",)}).made_of(RAW) == Rules().made_of(RAW)
    assert Rules(public={"Ada": ("a@x.org",)}).made_of(RAW) != Rules().made_of(RAW)


def test_trust_counts_for_the_document_itself():
    assert Rules(trusted=frozenset(["other"])).made_of(RAW) == Rules().made_of(RAW)
    assert Rules(trusted=frozenset(["x"])).made_of(RAW) != Rules().made_of(RAW)
