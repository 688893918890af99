"""What is wrong with the rows that feedback gave, asked of the finished table: a fault of its maker shows."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.datasets.decontamination import HeldOut, evaluated
from llm_twin_assets.datasets.feedback_rows import own_rows, room
from llm_twin_assets.datasets.provenance import not_verbatim
from llm_twin_assets.documents.redaction import Search, findings
from llm_twin_assets.documents.rules import rules_of
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.sources.injection import scan
from llm_twin_assets.sources.reading import Refused
from resources.settings import Settings
from resources.store import Store
from resources.twins import Twin, Twins

_Row = Mapping[Hashable, Any]

NOT_THE_AUTHORS: Final = "the answer is not the author's text at its place"
EVALUATED: Final = "it is evaluated with, or holds held-out words"
PERSONAL: Final = "personal data or a secret"
ORDERS: Final = "an order to a model"
NO_TRACE: Final = "nothing says where it came from"
TOO_MANY: Final = "more than a tenth of the author's own rows"


@dataclass(frozen=True)
class Standard:
    """What rows are held to.

    documents: the author's that the twin learns from. own: the author's own training rows, of which a tenth
    is the room. traces: the ids of requests that rows may come from. public: what the author publishes of
    their own data. more: a further search for personal data, as in documents.rules.
    """

    documents: pd.DataFrame
    held_out: HeldOut
    own: int
    traces: Collection[str]
    public: Collection[str] = ()
    more: Search | None = None


def standard_of(
    store: Store, settings: Settings, twins: Twins, twin: Twin, traces: Collection[str]
) -> Standard:
    """What a twin's feedback is held to as the store is now. Raises NotMaterialized, QuestionsFileError."""
    documents, instruct = store.read("cleaned_documents"), store.read_or_empty("instruct_dataset", twin.name)
    may, own = learnable(documents, "train"), len(own_rows(instruct))
    texts, out = may[may["author"] == twin.author], evaluated(store, twins, twin.name)
    return Standard(texts, out, own, traces, twin.public, rules_of(settings, twins).more)


def feedback_faults(rows: pd.DataFrame, standard: Standard) -> dict[str, list[str]]:
    """The ids of the rows that something is wrong with, by what it is; nothing where all is right."""
    records = rows.to_dict("records")
    found = {
        NOT_THE_AUTHORS: _where(records, lambda row: content_hash(row["answer"]) != row["answer_hash"])
        + not_verbatim(rows, standard.documents),
        EVALUATED: _where(records, lambda row: _is_held_out(row, standard.held_out)),
        PERSONAL: _where(records, lambda row: _is_personal(row, standard)),
        ORDERS: _where(records, lambda row: any(map(scan, _said(row)))),
        NO_TRACE: _where(records, lambda row: row["trace_id"] not in standard.traces),
        TOO_MANY: [str(row) for row in rows["row_id"][room(standard.own) :]],
    }
    return {name: sorted(set(ids)) for name, ids in found.items() if ids}


def told(faults: Mapping[str, Sequence[str]]) -> str | None:
    """The faults in one line, each with the first of its rows; None where there are none."""
    return "; ".join(f"{name}: {', '.join(ids[:5])}" for name, ids in faults.items()) or None


def _where(records: list[dict[Hashable, Any]], is_wrong: Callable[[_Row], bool]) -> list[str]:
    return [str(row["row_id"]) for row in records if is_wrong(row)]


def _is_held_out(row: _Row, out: HeldOut) -> bool:
    try:
        out.check(row["instruction"], row["answer"])
    except Refused:
        return True
    return False


def _is_personal(row: _Row, standard: Standard) -> bool:
    """Readers' words and a twin's answer are held to more than the author's text, who may publish theirs."""
    more = standard.more
    return any(findings(text, more=more) for text in _said(row)) or bool(
        findings(row["answer"], standard.public, more)
    )


def _said(row: _Row) -> list[str]:
    """What is in a row that is not the author's text."""
    return [row["instruction"], *([] if pd.isna(row["rejected"]) else [row["rejected"]])]
