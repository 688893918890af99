"""The manual is the sample corpus: every page must be what the platform itself would learn from."""

from collections import Counter
from pathlib import Path

import pytest

from llm_twin_assets.documents.quality import failing
from llm_twin_assets.documents.redaction import findings
from llm_twin_assets.sources.front_matter import split_front_matter
from llm_twin_assets.sources.injection import scan

MANUAL = Path(__file__).parents[1] / "docs" / "manual"
PAGES = sorted(MANUAL.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_can_be_learned_from(page):
    front, text = split_front_matter(page.read_text())
    assert {"title", "author", "date"} <= front.keys()
    assert 500 <= len(text.split()) <= 1200
    assert scan(text) is None
    assert findings(text) == []
    assert failing(text, "article") is None


def test_two_pens_write_it():
    pens = Counter(split_front_matter(page.read_text())[0]["author"] for page in PAGES)
    assert len(PAGES) >= 32
    assert len(pens) == 2
    assert min(pens.values()) >= 10
