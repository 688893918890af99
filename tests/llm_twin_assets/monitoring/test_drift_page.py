"""The report as tables and as a page: complete, escaped, and asking nothing of anybody."""

from html.parser import HTMLParser

import numpy as np
import pytest

from llm_twin_assets.monitoring.drift_page import PICTURES, page, shown, write_page
from llm_twin_assets.monitoring.drift_plots import p_values_plot, projection_plot, scores_plot
from llm_twin_assets.monitoring.drift_report import numbers
from llm_twin_assets.monitoring.drift_rule import drift
from tests.llm_twin_assets.monitoring.simulated import traffic

EVIL = '</td><script src="https://evil.example/x.js"></script>|<img src="https://evil.example/p.png">'


def window(first, **means):
    ends = {"first": first, "since": "2026-03-01T10:00", "until": "2026-03-01T11:00"}
    return ends | {"means": means, "questions": 200, "sessions": 150}


@pytest.fixture(scope="module")
def report():
    random = np.random.default_rng(0)
    reference = traffic(random, 500, scores={"style": random.normal(0.6, 0.1, 500)})
    windows = [
        traffic(random, 200, moved=0.5, scores={"style": random.normal(0.6, 0.1, 200)}, label=f"day {day}")
        for day in range(2)
    ]
    verdict = drift(reference, windows)
    pictures = (
        p_values_plot(verdict),
        projection_plot(reference, windows[-1]),
        scores_plot(reference, windows[-1]),
    )
    pinned = {
        "questions": 500,
        "sessions": 500,
        "release_id": "r1",
        "since": "2026-01-01",
        "until": "2026-02-01",
    }
    return verdict.as_json() | {
        "twin": "ada",
        "numbers": numbers(verdict),
        "reference": pinned,
        "windows": [window("a", style=0.61), window("b", style=0.59, novel=0.25)],
        "plots": dict(zip(PICTURES, pictures, strict=True)),
    }


class Seen(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.sources, self.cells = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "td":
            self.cells.append(data)


def test_the_page_says_state_reason_reference_signals_windows_and_thresholds(report):
    html = page(report)
    seen = Seen(html)
    assert "<title>Drift of ada: drift</title>" in html
    assert f"<p>{report['reason']}</p>" in html
    assert "500 questions in 500 sessions to release r1, 2026-01-01 to 2026-02-01." in html
    assert {"questions", "style", "drift", "ok", "permutations", "999"} <= set(seen.cells)
    assert seen.cells.index("0.59") < seen.cells.index("0.61"), "the newest window first"


def test_every_picture_is_on_the_page_and_in_what_a_run_shows(report):
    seen, texts = Seen(page(report)), shown(report)
    assert seen.sources == list(report["plots"].values())
    assert all(source.startswith("data:image/png;base64,") for source in seen.sources)
    assert set(texts) == {"signals", *PICTURES}
    for name, uri in report["plots"].items():
        assert texts[name] == f"![{PICTURES[name]}]({uri})"


def test_the_table_has_a_line_for_each_signal_with_its_last_look(report):
    lines = shown(report)["signals"].splitlines()
    assert len(lines) == 2 + len(report["signals"])
    asked = next(line for line in lines if line.startswith("| questions |"))
    last = report["signals"]["questions"]["looks"][-1]
    assert f"| drift | {last['adjusted']:.4f} | {last['effect']:.4f} | 200 | " in asked


def test_nothing_that_a_report_says_becomes_markup_or_a_cell_of_its_own(report):
    signals = report["signals"] | {EVIL: {"state": "error", "reason": EVIL, "looks": []}}
    evil = report | {"reason": EVIL, "twin": EVIL, "signals": signals}
    seen = Seen(page(evil))
    assert "script" not in seen.tags
    assert not [source for source in seen.sources if "evil" in source]
    assert "default-src 'none'" in page(evil)
    line = shown(evil)["signals"].splitlines()[-1]
    assert line.replace("\\|", "").count("|") == 8


def test_before_there_is_a_reference_there_is_a_page_all_the_same(report):
    bare = {"reference": None, "windows": [], "plots": {}, "signals": {}, "state": "insufficient"}
    html = page(report | bare)
    assert "No reference is pinned yet." in html
    assert "<h2>Windows</h2>" not in html
    assert shown(report | bare)["signals"].count("\n") == 1


def test_a_page_is_written_once_for_a_report(report, tmp_path):
    path = write_page(tmp_path, report)
    before = path.stat().st_ino
    assert write_page(tmp_path, report).stat().st_ino == before
    assert write_page(tmp_path, report | {"state": "ok"}).stat().st_ino != before
    assert "Drift of ada: ok</title>" in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
