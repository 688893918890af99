"""The evaluation as one HTML page: self-contained, and able to ask nothing of anybody."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from llm_twin_assets.contracts import digest
from llm_twin_assets.evaluation.plots import arms_plot, documents_plot
from llm_twin_assets.evaluation.reporting import SHOWN, bits_of, models
from llm_twin_assets.sources.preview import mean_and_interval
from resources.files import write_marked
from resources.places import Place
from resources.store import Store

NAME: Final = "report.html"
_LONGEST: Final = 900
# Whatever a model wrote into the page, a browser will neither run nor fetch it.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "pre{white-space:pre-wrap;font:inherit;margin:0}img{max-width:100%}"
)


def write_page(folder: Place, report: Mapping[str, Any]) -> Place:
    """The page of a report, in a folder; written only where it is not that report's already."""
    return write_marked(folder / NAME, digest(_STYLE, report), lambda: page(report))


def shown(store: Store, twin: str, metadata: Mapping[str, Any]) -> tuple[dict[str, str], Place]:
    """What a run shows of a stored report, in Markdown by name, and the file of its page."""
    report = store.report("model_evaluation", twin)
    told = {name: str(metadata[name]) for name in ("table", "arms")}
    pictures = {"documents_plot": documents_plot(report), "arms_plot": arms_plot(report)}
    told |= {name: f"![{name}]({uri})" for name, uri in pictures.items() if uri}
    return told, write_page(store.folder("model_evaluation", twin), report)


def page(report: Mapping[str, Any]) -> str:
    """The page's HTML; every text of the report is escaped."""
    title = f"Evaluation of {report['author']}: {report['decision']}"
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1><p>{escape(report['reason'])}</p>",
            *_states(report),
            "<h2>Arms</h2>",
            _arms(report),
            _picture(arms_plot(report), "Metrics of each arm"),
            "<h2>Held-out documents</h2>",
            _picture(documents_plot(report), "Bits per byte of each document"),
            _documents(report),
            *_guards(report),
            *_samples(report),
            "</body></html>\n",
        ]
    )


def _states(report: Mapping[str, Any]) -> Iterator[str]:
    told = {"retrieval": report["retrieval"], "judge": report["judge"]["state"], **report["lacking"]}
    if preferred := report["judge"].get("preferred"):
        told["judge"] = f"prefers the challenger: {mean_and_interval(preferred)}"
    told |= {arm: one["state"] for arm, one in report["arms"].items() if one["state"] != "measured"}
    rows = "".join(f"<li>{escape(name)}: {escape(state)}</li>" for name, state in told.items())
    findings = [f"{one['kind']} in {one['item']}: {one['detail']}" for one in report["findings"]]
    yield f"<ul>{rows}</ul><h2>Findings</h2>"
    yield "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in findings or ["none"]) + "</ul>"


def _arms(report: Mapping[str, Any]) -> str:
    heads = [f"{name}, {better} is better" if better else name for name, better in SHOWN.items()]
    rows = (
        [name, *(mean_and_interval(arm["metrics"].get(metric)) for metric in SHOWN)]
        for name, arm in report["arms"].items()
    )
    return _table(["arm", *heads], list(rows))


def _documents(report: Mapping[str, Any]) -> str:
    rows = [[title, *bits_of(report, name)] for name, title in report["titles"].items()]
    return _table(["document", *models(report)], rows)


def _guards(report: Mapping[str, Any]) -> Iterator[str]:
    guards = report["guards"]
    if guards:
        yield "<h2>Guards</h2>"
        yield "<ul>" + "".join(f"<li>{escape(guard['reason'])}</li>" for guard in guards) + "</ul>"


def _samples(report: Mapping[str, Any]) -> Iterator[str]:
    """What every arm answers to the same prompt, side by side, below what the author wrote."""
    arms = {name: arm["items"] for name, arm in report["arms"].items() if arm["items"]}
    yield "<h2>Answers</h2>" if arms else ""
    for at, prompt in enumerate(report["prompts"] if arms else ()):
        yield f"<h3>{escape(_cut(prompt['instruction']))}</h3>"
        yield f"<p>The author wrote:</p><pre>{escape(_cut(prompt['reference']))}</pre>"
        yield _table(list(arms), [[_cut(items[at]["text"]) for items in arms.values()]])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(
        "<tr>" + "".join(f"<td><pre>{escape(one)}</pre></td>" for one in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _picture(uri: str, told: str) -> str:
    return f'<p><img src="{uri}" alt="{escape(told)}"></p>' if uri else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
