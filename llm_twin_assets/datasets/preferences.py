"""Preference pairs without a language model: the author's own span, and a text known to be worse.

For direct preference optimisation (Rafailov et al., arXiv 2305.18290). What makes the rejected text worse is
its `kind`: another author's passage on a near topic, the author's passage without its style, broken off, or
about something else, and, where answers of the untuned base model are given, one of those. What readers
turned down joins at the end, as feedback_rows says.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Set
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import (
    ACCEPTED_FEEDBACK,
    PREFERENCE_KINDS,
    PREFERENCE_ROWS,
    SPLITS,
    digest,
    empty,
    rejected,
    row_id,
    shaped,
)
from llm_twin_assets.datasets.contrasts import (
    LEAST_DIFFERENCE,
    LENGTH_RATIO,
    Passage,
    Pool,
    Worse,
    difference,
    fitted,
    is_like_long,
    truncated,
)
from llm_twin_assets.datasets.feedback_rows import PAIR_KIND, is_feedback, joined_pairs
from llm_twin_assets.datasets.flattening import flattened
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.datasets.templates import WHOLE
from llm_twin_assets.datasets.units import MAX_WORDS, MIN_WORDS, word_count
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused
from resources.store import Table
from resources.terms import TERMS

# No kind has a greater share of a split's pairs; so with fewer than three kinds there is no pair.
LARGEST_SHARE: Final = 0.4

Left = tuple[str, Reason, str]
_Row = Mapping[Hashable, Any]
_Rows = dict[str, _Row]
_Makers = Mapping[str, Callable[[Passage], Worse]]


@dataclass(frozen=True)
class Pair:
    """A chosen passage and a text that is worse in the way its kind says."""

    chosen: Passage
    kind: str
    worse: Worse


def preference_rows(
    instruct: pd.DataFrame,
    documents: pd.DataFrame,
    twin: str,
    author: str,
    base_answers: Mapping[str, str] | None = None,
    accepted: pd.DataFrame | None = None,
) -> Table:
    """Pairs for a twin from its instruct rows that answer with a passage, at most one a row and kind.

    `documents` are the cleaned documents of all authors; `base_answers` holds what the untuned base model
    wrote for an instruct row, by `row_id`; `accepted` are the rows of accepted_feedback, None for none. A
    rejected text is from a document of the chosen one's split, or what a reader turned down. What cannot be
    paired comes back as rejected, under the id of the instruct row or the feedback. No order of rows matters.
    """
    may = learnable(documents)
    stored: _Rows = {row["document_id"]: row for row in may.to_dict("records")}
    asked, left = _usable(instruct, stored)
    others = _others(may, author)
    answers = base_answers or {}
    pairs: list[Pair] = []
    for split in SPLITS:
        chosen = _passages(asked, stored, split)
        pool = Pool([*chosen, *_passages(others, stored, split)])
        made, unpaired = _pairs(chosen, _makers(pool, answers), answers.keys())
        kept, above = _capped(made)
        pairs += kept
        left += unpaired + above
    known = empty(ACCEPTED_FEEDBACK) if accepted is None else accepted
    told = joined_pairs(_frame(pairs, asked, twin), known, documents, author)
    rows = told.rows
    return Table(rows, rejected(sorted(left + told.left), "preference_dataset"), _numbers(rows))


def corpus_version(documents: pd.DataFrame) -> str:
    """A hash of the documents that pairs are made from: equal exactly where they would give the same."""
    may = learnable(documents).sort_values("document_id")
    columns = ["document_id", "content_hash", "author", "title", "split", "cluster_id"]
    return digest(TERMS, may[columns].astype(object).to_numpy().tolist())


def _usable(instruct: pd.DataFrame, stored: _Rows) -> tuple[_Rows, list[Left]]:
    """The rows that answer with a passage which still stands in its document, and those that do not."""
    asked = _with_passages(instruct)
    stand = {name: row for name, row in asked.items() if _stands(row, stored.get(row["document_id"]))}
    detail = "its answer no longer stands in its document: make the instruct dataset again"
    return stand, [(name, Reason.STALE_ROW, detail) for name in asked.keys() - stand.keys()]


def _with_passages(instruct: pd.DataFrame) -> _Rows:
    """The author's rows that answer with a passage, not with a document nor a passage's rest, by id."""
    first = (instruct["passages"].fillna("") == "") & ~is_feedback(instruct)
    alone = instruct[first & ~instruct["intent"].isin([*WHOLE, "continue"])]
    rows = alone.sort_values("row_id").to_dict("records")
    return {row["row_id"]: row for row in rows if MIN_WORDS <= word_count(row["answer"]) <= MAX_WORDS}


def _stands(row: _Row, document: _Row | None) -> bool:
    if document is None or document["split"] != row["split"]:
        return False
    return bool(document["text"][row["start"] : row["end"]] == row["answer"])


def _others(may: pd.DataFrame, author: str) -> _Rows:
    """Other authors' passages, as rows of their instruct datasets, so that both sides are chosen alike."""
    names = sorted(set(may["author"]) - {author})
    made = [_with_passages(instruct_rows(may, name, name).rows) for name in names]
    return {row_id: row for rows in made for row_id, row in rows.items()}


def _passages(rows: _Rows, stored: _Rows, split: str) -> list[Passage]:
    found = ((row, stored[row["document_id"]]) for row in rows.values() if row["split"] == split)
    return [_passage(row, document) for row, document in found]


def _passage(row: _Row, document: _Row) -> Passage:
    return Passage(
        row["row_id"],
        row["document_id"],
        document["cluster_id"],
        document["author"],
        row["answer"],
    )


def _makers(pool: Pool, base_answers: Mapping[str, str]) -> _Makers:
    return {
        "other_author": pool.other_author,
        "flattened": _flattened,
        "truncated": truncated,
        "off_topic": pool.off_topic,
        "base_model": partial(_by_base_model, base_answers),
    }


def _flattened(chosen: Passage) -> Worse:
    return Worse(flattened(chosen.text), chosen.document)


def _by_base_model(answers: Mapping[str, str], chosen: Passage) -> Worse:
    answer = answers[chosen.name].strip()
    return Worse(fitted(answer, word_count(chosen.text)) or answer, None)


def _pairs(chosen: list[Passage], makers: _Makers, asked: Set[str]) -> tuple[list[Pair], list[Left]]:
    """Every pair of one split that can be made; `asked` names the rows with an answer of the base model."""
    pairs: list[Pair] = []
    left: list[Left] = []
    for passage in chosen:
        for kind in PREFERENCE_KINDS:
            if kind == "base_model" and passage.name not in asked:
                continue
            try:
                pairs.append(Pair(passage, kind, _checked(passage, makers[kind](passage))))
            except Refused as refused:
                left.append((passage.name, refused.reason, f"{kind}: {refused.detail}"))
    return pairs, left


def _checked(chosen: Passage, worse: Worse) -> Worse:
    """The rejected text; raises Refused where its length or its words are no lesson."""
    count, words = word_count(worse.text), word_count(chosen.text)
    if not is_like_long(count, words):
        low, high = LENGTH_RATIO
        detail = f"{count} words beside {words} of the chosen text, not {low} to {high} times as many"
        raise Refused(Reason.LENGTH_RATIO, detail)
    share = difference(chosen.text, worse.text)
    if share < LEAST_DIFFERENCE:
        detail = f"{share:.0%} of its words differ from the chosen text, {LEAST_DIFFERENCE:.0%} are needed"
        raise Refused(Reason.TOO_LIKE_CHOSEN, detail)
    return worse


def _capped(pairs: list[Pair]) -> tuple[list[Pair], list[Left]]:
    """The pairs of one split without those that make a kind's share too large; row ids are a fair draw."""
    most = _most([sum(pair.kind == kind for pair in pairs) for kind in PREFERENCE_KINDS])
    kept: list[Pair] = []
    left: list[Left] = []
    taken: Counter[str] = Counter()
    for pair in pairs:
        taken[pair.kind] += 1
        if taken[pair.kind] <= most:
            kept.append(pair)
        else:
            detail = f"{pair.kind}: more than {LARGEST_SHARE:.0%} of the split's pairs would be of this kind"
            left.append((pair.chosen.name, Reason.KIND_CAP, detail))
    return kept, left


def _most(counts: list[int]) -> int:
    """The largest number that no kind may exceed for all to keep to the largest share."""
    for most in range(max(counts), 0, -1):
        held = [min(count, most) for count in counts]
        if max(held) <= LARGEST_SHARE * sum(held):
            return most
    return 0


def _frame(pairs: list[Pair], asked: _Rows, twin: str) -> pd.DataFrame:
    records = [_record(pair, asked[pair.chosen.name], twin) for pair in pairs]
    return shaped(pd.DataFrame(records, columns=list(PREFERENCE_ROWS.columns)), PREFERENCE_ROWS)


def _record(pair: Pair, row: _Row, twin: str) -> dict[str, Any]:
    document, start, end = row["document_id"], row["start"], row["end"]
    return {
        "row_id": row_id(twin, document, start, end, f"{row['intent']}/{pair.kind}"),
        "twin": twin,
        "instruction": row["instruction"],
        "chosen": pair.chosen.text,
        "rejected": pair.worse.text,
        "kind": pair.kind,
        "document_id": document,
        "start": start,
        "end": end,
        "rejected_document_id": pair.worse.document,
        "split": row["split"],
    }


def _numbers(rows: pd.DataFrame) -> dict[str, Any]:
    """Pairs by kind and split, and how many times the words of the chosen text the rejected ones have."""
    words = rows[["rejected", "chosen"]].map(word_count).astype("float64")
    ratios = words["rejected"] / words["chosen"]
    counts = rows.groupby(["kind", "split"]).size()
    numbers: dict[str, Any] = {
        f"pairs/{kind}/{split}": int(counts.get((kind, split), 0))
        for kind in (*PREFERENCE_KINDS, PAIR_KIND)
        for split in SPLITS
    }
    by_kind = {
        f"length_ratio/{kind}": float(mean) for kind, mean in ratios.groupby(rows["kind"]).mean().items()
    }
    return numbers | by_kind | ({"length_ratio": float(ratios.mean())} if len(rows) else {})
