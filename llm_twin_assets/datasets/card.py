"""A dataset's card: what is in it, where it comes from and what was left out, for whoever trains on it."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from llm_twin_assets.contracts import SPLITS, rows_digest
from llm_twin_assets.datasets.feedback_rows import BY_FEEDBACK
from llm_twin_assets.datasets.instruct import documents_version
from llm_twin_assets.datasets.synthesis import BY_TEACHER, register_asked
from llm_twin_assets.datasets.templates import register_of
from llm_twin_assets.sources.preview import table
from resources.files import replacing
from resources.store import Store
from resources.twins import Twin


@dataclass(frozen=True)
class About:
    """Whose dataset it is and on what terms it may be used; None where the twins file does not say."""

    twin: str
    author: str
    licence: str | None = None
    consent: str | None = None


def dataset_card(
    rows: pd.DataFrame, numbers: Mapping[str, Any], about: About, documents_version: str
) -> dict[str, Any]:
    """What is in a dataset, as JSON values; `numbers` is the metadata of its record in the store."""
    return {
        **asdict(about),
        "rows": len(rows),
        "documents": int(rows["document_id"].nunique()),
        "intents": _by_split(rows, rows["intent"]),
        "registers": _by_split(rows, _registers(rows)),
        "generators": _by_split(rows, rows["generator"]),
        "with_passages": int((rows["passages"].fillna("") != "").sum()),
        "left_out": _under(numbers, "rejected/"),
        "leaks": _under(numbers, "leaks/"),
        "teacher": _under(numbers, "teacher/"),
        "judge_scores": numbers.get("judge/scores", {}),
        "hashes": {"rows": rows_digest(rows), "documents": documents_version},
    }


def card_texts(content: Mapping[str, Any]) -> tuple[str, str]:
    """A card as JSON and as Markdown, for the files dataset_card.json and README.md."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n", _markdown(content)


def _markdown(content: Mapping[str, Any]) -> str:
    stated = {name: content[name] or "not stated" for name in ("licence", "consent")}
    parts = [
        f"# Instruct dataset of {content['twin']}",
        f"{content['rows']} rows from {content['documents']} documents by {content['author']}. Every answer "
        "is the author's own text at its offsets; only the instructions are made, or were asked by readers. "
        f"{content['with_passages']} training rows carry passages in their prompt.",
        *(_table(name[:-1], content[name], SPLITS) for name in ("intents", "registers", "generators")),
        _table("left out", {key: {"rows": count} for key, count in content["left_out"].items()}, ["rows"]),
        _list("Shared with training, of the held-out rows", content["leaks"]),
        _list("Teacher", content["teacher"]),
        _list("Mean grades by the judge", content["judge_scores"]),
        _list("Terms", stated),
        _list("Hashes", content["hashes"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(name: str, counts: Mapping[str, Mapping[str, int]], columns: Sequence[str]) -> str:
    if not counts:
        return ""
    rows = [[key, *(row[column] for column in columns)] for key, row in counts.items()]
    return table([name, *columns], rows)


def _list(title: str, values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    return "\n".join([f"{title}:", "", *(f"- {key}: {value}" for key, value in values.items())])


def _by_split(rows: pd.DataFrame, values: "pd.Series[str]") -> dict[str, dict[str, int]]:
    counts = pd.crosstab(values, rows["split"]).reindex(columns=list(SPLITS), fill_value=0)
    return {str(name): dict(zip(SPLITS, map(int, row), strict=True)) for name, *row in counts.itertuples()}


def _registers(rows: pd.DataFrame) -> "pd.Series[str]":
    return pd.Series([_register(row) for row in rows.to_dict("records")], rows.index, dtype=object)


def _register(row: Mapping[Hashable, Any]) -> str:
    if row["generator"].startswith(BY_FEEDBACK):
        return "reader"
    by_teacher = row["generator"].startswith(BY_TEACHER)
    return register_asked(row) if by_teacher else register_of(row["intent"], row["instruction"])


def _under(numbers: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): numbers[key] for key in sorted(numbers) if key.startswith(prefix)}


def keep_card(store: Store, documents: pd.DataFrame, twin: Twin, numbers: Mapping[str, Any]) -> str:
    """Write a twin's card beside its table, as dataset_card.json and README.md; returns the Markdown."""
    rows = store.read("instruct_dataset", twin.name)
    version = documents_version(documents, twin.author)
    about = About(twin.name, twin.author, twin.licence, twin.consent)
    as_json, markdown = card_texts(dataset_card(rows, numbers, about, version))
    folder = store.folder("instruct_dataset", twin.name)
    for name, text in (("dataset_card.json", as_json), ("README.md", markdown)):
        with replacing(folder / name) as temporary:
            temporary.write_text(text)
    return markdown
