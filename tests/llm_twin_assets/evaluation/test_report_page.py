"""The report as numbers, tables, pictures and a page: complete, escaped, and asking nothing of anybody."""

import base64
import json
from html.parser import HTMLParser

import pytest

from llm_twin_assets.evaluation.evaluating import evaluate
from llm_twin_assets.evaluation.plots import arms_plot, documents_plot
from llm_twin_assets.evaluation.report_page import page, write_page
from llm_twin_assets.evaluation.reporting import HELD_OUT, arms_table, documents_table
from tests.llm_twin_assets.evaluation.written import answered, lineup

EVIL = '</pre><script src="https://evil.example/x.js"></script><img src="https://evil.example/p.png">'


@pytest.fixture(scope="module")
def found():
    asked = lineup()
    return evaluate(asked, answered(asked, base="No. " * 9, new=f"She lit the lamp. {EVIL}"), 1)


class Seen(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.sources = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]


def test_the_report_is_json_and_has_every_arm(found):
    report = json.loads(json.dumps(found[0]))
    assert list(report["arms"]) == ["base", "tuned", HELD_OUT]
    assert len(report["arms"]["tuned"]["items"]) == len(report["prompts"]) > 0
    assert report["arms"]["tuned"]["metrics"]["bits_per_byte"]["mean"] == pytest.approx(2.1)
    assert report["orders"] == {"asked": 4, "shown": 0}


def test_the_metadata_are_numbers_and_short_texts(found):
    report, numbers = found
    assert numbers["tuned/rouge_l"] == pytest.approx(
        report["arms"]["tuned"]["metrics"]["rouge_l"]["mean"], abs=1e-5
    )
    assert numbers["guard/repeated_4grams"] in ("holds", "fails", "undecided")
    assert numbers["prompts"] == len(report["prompts"])
    assert all(isinstance(value, str | int | float) for value in numbers.values())


def test_the_tables_have_a_line_for_each_arm_and_document(found):
    report, numbers = found
    assert [line.split(" | ")[0] for line in arms_table(report).splitlines()[2:]] == [
        "| base",
        "| tuned",
        f"| {HELD_OUT}",
    ]
    assert len(documents_table(report).splitlines()) == 2 + report["test_documents"]
    assert numbers["arms"] == arms_table(report)


def test_nothing_that_a_model_wrote_becomes_markup(found):
    html = page(found[0])
    seen = Seen(html)
    assert EVIL not in html
    assert "script" not in seen.tags
    assert seen.sources
    assert all(source.startswith("data:image/png;base64,") for source in seen.sources)
    assert "default-src 'none'" in html


def test_the_page_shows_answers_side_by_side(found):
    html = page(found[0])
    assert html.count("She lit the lamp.") == len(found[0]["prompts"])
    assert found[0]["reason"] in html


def test_pictures_are_small_png(found):
    for uri in (arms_plot(found[0]), documents_plot(found[0])):
        made = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
        assert made.startswith(b"\x89PNG")
        assert len(made) < 100_000


def test_a_page_is_written_once_for_a_report(found, tmp_path):
    path = write_page(tmp_path, found[0])
    before = path.stat().st_ino
    assert write_page(tmp_path, found[0]).stat().st_ino == before
    assert write_page(tmp_path, found[0] | {"decision": "keep"}).stat().st_ino != before
    assert ": keep</title>" in path.read_text(encoding="utf-8")


def test_where_nothing_was_asked_there_is_a_page_all_the_same():
    empty = lineup(asking=None)
    report, numbers = evaluate(empty, answered(empty, base="", new=""), 1)
    assert arms_plot(report) == ""
    assert "<h2>Held-out documents</h2>" in page(report)
    assert numbers["prompts"] == 0
