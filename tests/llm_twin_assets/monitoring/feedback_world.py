"""An author with documents in every split, and answers that quote them, judged by whoever a test wants."""

import json
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta

import pandas as pd

from llm_twin_assets.contracts import TRACES, content_hash, shaped
from llm_twin_assets.datasets.decontamination import HeldOut
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.monitoring.authors_spans import author_of
from llm_twin_assets.monitoring.feedback_dataset import Against, feedback_rows
from llm_twin_assets.serving.sentences import quotable
from resources.traces import Feedback, Trace
from tests.llm_twin_assets.datasets.conftest import _row
from tests.prose import prose

ADA, BO = "Ada Moor", "Bo Rask"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
_SPLITS = ["train"] * 6 + ["validation", "test"]


def article(number):
    return "\n\n".join(
        f"## On the {number} part {part}\n\n{prose(number * 10 + part, 8)}" for part in range(5)
    )


DOCUMENTS = pd.DataFrame(
    [_row(at, ADA, split, article(at)) for at, split in enumerate(_SPLITS)]
    + [_row(20 + at, BO, "train", article(20 + at)) for at in range(2)]
)
INSTRUCT = instruct_rows(DOCUMENTS, "ada", ADA).rows
EVALUATED = (
    "What happens to my bookmarks if I give one of my essays a different name on disk?",
    "Why was my scanned paper refused?",
    "How long does teaching one more person's manner take on an ordinary machine?",
)
HELD = DOCUMENTS[DOCUMENTS["split"] != "train"]
OUT = HeldOut([*EVALUATED, *INSTRUCT[INSTRUCT["split"] != "train"]["instruction"]], HELD["text"])
AUTHOR = author_of(DOCUMENTS, ADA)
SENTENCES = {row["document_id"]: quotable(row["text"]) for row in DOCUMENTS.to_dict("records")}
TRAIN, HELD_DOCUMENT = DOCUMENTS["document_id"][0], HELD["document_id"].iloc[0]


def against(own=1000, **more):
    return Against(AUTHOR, OUT, own, **more)


def question(number):
    """A question that is near to no other number's."""
    words = prose(9000 + number, 1).split()
    return " ".join(["How", *words[1:12]]) + "?"


def citation(document, first=0, count=1):
    run = SENTENCES[document][first : first + count]
    text = DOCUMENTS.set_index("document_id").loc[document, "text"]
    quote = text[run[0].start : run[-1].end]
    place = {"uri": "u", "start": run[0].start, "end": run[-1].end, "document_id": document}
    return place | {"chunk_id": "c", "quote_hash": content_hash(quote)}, quote


def trace(number, document=TRAIN, asked=None, first=0, **fields):
    """A request whose answer is one quotation."""
    cited, quote = citation(document, first)
    given = {
        "question": asked or question(number),
        "answer": f"{quote} [1]",
        "citations": [cited],
        "thread_id": f"thread {number}",
    }
    return Trace(f"trace-{number:05}", "ada", _at(3), "release", "index", **(given | fields))


def said(number, value=None, correction=None, key=None, days=2.0, comment=None):
    return Feedback(f"trace-{number:05}", _at(days), value, comment, correction, key)


def _at(days):
    return (NOW - timedelta(days=days)).isoformat(timespec="milliseconds")


def traces_of(traces):
    rows = [asdict(one) | {"position": None} for one in traces]
    names = [one.name for one in fields(Trace)]
    frame = pd.DataFrame(rows, columns=names)
    for name in ("retrieved", "timings_ms", "understood", "citations"):
        frame[name] = frame[name].map(json.dumps)
    return shaped(frame, TRACES)


def feedback_of(feedback):
    return [asdict(one) | {"twin": "ada", "position": at} for at, one in enumerate(feedback, 1)]


def dataset(traces, feedback, own=1000, **more):
    """What the feedback dataset makes of it."""
    return feedback_rows(traces_of(traces), feedback_of(feedback), against(own, **more), "ada", NOW)


def reasons(table):
    return dict(zip(table.rejected["item_id"], table.rejected["reason"], strict=True))
