"""The drift report as tables for the orchestrator, and as one HTML page that asks nothing of anybody."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from llm_twin_assets.contracts import digest
from llm_twin_assets.sources.preview import table
from resources.files import write_marked
from resources.places import Place

NAME: Final = "report.html"
PICTURES: Final = {
    "p_values": "Adjusted p-values over the windows",
    "projection": "The questions of the reference and of the last window",
    "scores": "The scores of the reference and of the last window",
}
_HEADS: Final = ("signal", "state", "p", "effect", "questions", "sessions", "reason")
# The page is opened beside data of production: nothing in it is run or fetched.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.25rem .5rem;text-align:left}"
    "figure{margin:1rem 0}img{max-width:100%}.drift,.error{color:#b00020}.ok{color:#0a6b2d}"
)


def write_page(folder: Place, report: Mapping[str, Any]) -> Place:
    """The page of a report, in a folder; written only where it is not that report's already."""
    return write_marked(folder / NAME, digest(_STYLE, report), lambda: page(report))


def shown(report: Mapping[str, Any]) -> dict[str, str]:
    """What a run shows of a report, in Markdown by name: its signals as a table, and its pictures."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in _signals(report)]
    pictures = {name: f"![{PICTURES[name]}]({uri})" for name, uri in report["plots"].items()}
    return {"signals": table(_HEADS, rows)} | pictures


def page(report: Mapping[str, Any]) -> str:
    """The page's HTML; every text of the report is escaped."""
    state = escape(report["state"])
    title = f"Drift of {escape(report['twin'])}: {state}"
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body>",
            f'<h1 class="{state}">{title}</h1><p>{escape(report["reason"])}</p>',
            _reference(report["reference"]),
            "<h2>Signals of the last window</h2>",
            _table(_HEADS, _signals(report)),
            *_figures(report["plots"]),
            *_windows(report["windows"]),
            "<h2>Thresholds</h2>",
            _table(("name", "value"), list(report["thresholds"].items())),
            "</body></html>\n",
        ]
    )


def _signals(report: Mapping[str, Any]) -> list[list[str]]:
    return [_signal(name, one) for name, one in report["signals"].items()]


def _signal(name: str, signal: Mapping[str, Any]) -> list[str]:
    looks = signal["looks"]
    if not looks:
        return [name, signal["state"], "–", "–", "–", "–", signal["reason"]]
    last = looks[-1]
    numbers = [
        f"{last['adjusted']:.4f}",
        f"{last['effect']:.4f}",
        str(last["questions"]),
        str(last["sessions"]),
    ]
    return [name, signal["state"], *numbers, signal["reason"]]


def _reference(pinned: Mapping[str, Any] | None) -> str:
    if pinned is None:
        return "<p>No reference is pinned yet.</p>"
    told = (
        f"Reference: {pinned['questions']} questions in {pinned['sessions']} sessions to release "
        f"{pinned['release_id']}, {pinned['since']} to {pinned['until']}."
    )
    return f"<p>{escape(told)}</p>"


def _figures(plots: Mapping[str, str]) -> Iterator[str]:
    for name, uri in plots.items():
        told = escape(PICTURES[name])
        yield f'<figure><img src="{escape(uri)}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def _windows(windows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each window's size and means, newest first."""
    if not windows:
        return
    names = sorted({name for window in windows for name in window["means"]})
    rows = [
        [
            f"{window['since']} to {window['until']}",
            str(window["questions"]),
            str(window["sessions"]),
            *(f"{window['means'][name]:.4g}" if name in window["means"] else "–" for name in names),
        ]
        for window in reversed(windows)
    ]
    yield "<h2>Windows</h2>" + _table(["asked", "questions", "sessions", *names], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    cells = ("".join(f"<td>{escape(str(one))}</td>" for one in row) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
