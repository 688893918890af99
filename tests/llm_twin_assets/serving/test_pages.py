"""How a page is put together and what its policy allows, and who is shown a document."""

import base64
import hashlib
import re

import pandas as pd
import pytest

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.serving.pages import Sources, chat_page, page
from llm_twin_assets.serving.protection import Signer
from llm_twin_assets.serving.releases_page import releases_page
from resources.store import Store, Table
from tests.llm_twin_assets.serving.small import DOCUMENTS

BEES = DOCUMENTS[0]
START = BEES["text"].index("A hive hums")
END = START + len("A hive hums in winter")
PROOF = content_hash(BEES["text"][START:END])[:12]
PAGES = {"chat": chat_page, "releases": releases_page}


@pytest.fixture
def store(tmp_path):
    return written(Store(tmp_path), DOCUMENTS)


@pytest.fixture
def sources(store):
    return Sources(store)


@pytest.fixture
def signer(tmp_path):
    return Signer(tmp_path)


def written(store, documents):
    frame = pd.DataFrame(documents)
    store.materialize("cleaned_documents", content_hash(str(documents)), lambda: Table(frame))
    return store


def marked(found):
    return re.search(r'<mark id="quote">(.*?)</mark>', found.html, re.DOTALL).group(1)


def directive(found, name):
    said = dict(part.strip().split(" ", 1) for part in found.headers["Content-Security-Policy"].split(";"))
    return said[name]


def hash_of(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_a_browser_may_run_what_is_in_the_page_and_nothing_else():
    found = page("<style>a{}</style><script>1;</script><script>2;</script>")
    assert directive(found, "script-src") == f"{hash_of('1;')} {hash_of('2;')}"
    assert directive(found, "style-src") == hash_of("a{}")
    assert directive(page("<p>"), "script-src") == "'none'"
    assert directive(found, "default-src") == directive(found, "form-action") == "'none'"
    assert directive(found, "connect-src") == "'self'"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_holds_all_that_it_needs(name):
    html = PAGES[name]().html
    assert "$style" not in html
    assert "$script" not in html
    assert html.count("<script>") == html.count("<style>") == 1
    assert not re.search(r"<(link|script|img|iframe)[^>]*(src|href)=\"(?!data:,)", html)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_in_a_page_reads_text_as_html_or_evades_the_policy(name):
    html = PAGES[name]().html
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", html
    )
    assert not re.search(r"\son\w+=|\sstyle=|javascript:|\.style\b", html)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)


def test_a_quotation_is_marked_where_it_stands(sources):
    found = sources.page(BEES["document_id"], START, END, PROOF)
    assert marked(found) == "A hive hums in winter"
    assert "Keeping bees" in found.html
    assert "has changed" not in found.html


def test_one_that_does_not_stand_there_any_more_is_not_marked(sources):
    found = sources.page(BEES["document_id"], START + 1, END, PROOF)
    assert marked(found) == ""
    assert "This document has changed since the passage was quoted." in found.html


def test_a_document_that_is_gone_or_was_never_there_has_no_page(sources, store):
    assert sources.page("0" * 32, 0, 0, "") is None
    assert sources.page(BEES["document_id"], START, END, PROOF) is not None
    written(store, DOCUMENTS[1:])
    assert sources.page(BEES["document_id"], START, END, PROOF) is None


def test_with_keys_only_what_this_server_quoted_is_shown(sources, signer):
    place = (BEES["document_id"], START, END, PROOF)
    assert marked(sources.page(*place, signer.sign(*place), signer)) == "A hive hums in winter"
    assert sources.page(*place, "", signer) is None
    assert sources.page(*place, "0" * 32, signer) is None


@pytest.mark.parametrize("changed", [0, 1, 2, 3])
def test_a_signature_is_for_one_quotation_of_one_document(sources, signer, changed):
    place = [BEES["document_id"], START, END, PROOF]
    signature = signer.sign(*place)
    place[changed] = [DOCUMENTS[1]["document_id"], START - 1, END + 500, "0" * 12][changed]
    assert sources.page(*place, signature, signer) is None


def test_a_signed_quotation_of_a_document_that_changed_is_shown_unmarked(sources, signer, store):
    place = (BEES["document_id"], START, END, PROOF)
    written(store, [BEES | {"text": "All new.", "content_hash": content_hash("All new.")}])
    found = sources.page(*place, signer.sign(*place), signer)
    assert marked(found) == ""
    assert "All new." in found.html


def test_a_documents_words_are_text(store):
    hostile = BEES | {
        "text": "<script>alert(1)</script>",
        "title": "<b>&",
        "uri": 'x:"><i>',
        "author": "$title",
    }
    found = Sources(written(store, [hostile])).page(BEES["document_id"], 0, 0, "")
    assert "&lt;script&gt;alert(1)" in found.html
    assert "<b>&" not in found.html
    assert "<script>" not in found.html
    assert "$title ·" in found.html
