"""Which documents a model may learn from, and which it is judged on: decided once for each."""

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass

import pandas as pd


def learnable(documents: pd.DataFrame, split: str | None = None) -> pd.DataFrame:
    """The cleaned documents that a model may learn from, or be judged on; of one split, or of all."""
    may = documents["withheld"].isna()
    return documents[may & (documents["split"] == split)] if split else documents[may]


@dataclass(frozen=True)
class Quotas:
    """How many of an author's clusters are held out."""

    test: int
    validation: int


def quotas(clusters: int) -> Quotas:
    """A fifth for the test, at least five where that is not above a third; a tenth for validation."""
    validation = max(1, clusters // 10) if clusters >= 5 else 0
    return Quotas(max(round(0.2 * clusters), min(5, clusters // 3)), validation)


def assign_splits(documents: pd.DataFrame, decided: Mapping[str, Set[str]]) -> pd.DataFrame:
    """The documents with the column `split`, the same for all documents of a cluster.

    `documents` has the columns document_id, author, published_at, cluster_id and withheld (null
    where a model may learn from the document). `decided` maps cluster ids to the splits that their
    documents had before, as `duplicates.deduplicated` finds them. A cluster keeps its split, except
    that one that would join two splits goes to train as a whole. New clusters fill what is open of
    their author's quotas, the test first, newest first; the others are train. Withheld documents
    count for no quota and follow their cluster; clusters of withheld documents only are train.
    """
    units = _units(documents[documents["withheld"].isna()], decided)
    splits = {cluster: _joined(before) for cluster, before in decided.items()}
    for author in {unit.author for unit in units}:
        splits |= _filled([unit for unit in units if unit.author == author])
    return documents.assign(split=[splits.get(cluster, "train") for cluster in documents["cluster_id"]])


@dataclass(frozen=True)
class _Unit:
    """A cluster: the author of its newest document owns it; `split` is None while it is undecided."""

    cluster: str
    author: str
    published_at: str
    split: str | None


def _units(documents: pd.DataFrame, decided: Mapping[str, Set[str]]) -> list[_Unit]:
    members = defaultdict(list)
    published = documents["published_at"].astype(object).where(documents["published_at"].notna(), "")
    rows = zip(documents["cluster_id"], published, documents["document_id"], documents["author"], strict=True)
    for cluster, day, document, author in rows:
        members[str(cluster)].append((str(day), str(document), str(author)))
    return [_unit(cluster, inside, decided.get(cluster, set())) for cluster, inside in members.items()]


def _unit(cluster: str, members: list[tuple[str, str, str]], before: Set[str]) -> _Unit:
    day, _, author = max(members)
    return _Unit(cluster, author, day, _joined(before) if before else None)


def _joined(before: Set[str]) -> str:
    return "train" if len(before) > 1 else next(iter(before))


def _filled(units: list[_Unit]) -> dict[str, str]:
    """The splits of one author's undecided clusters."""
    wanted = quotas(len(units))
    taken = [unit.split for unit in units]
    open_test = max(0, wanted.test - taken.count("test"))
    open_validation = max(0, wanted.validation - taken.count("validation"))
    order = ["test"] * open_test + ["validation"] * open_validation
    new = [unit for unit in units if unit.split is None]
    by_id = sorted(new, key=lambda unit: unit.cluster)
    newest_first = sorted(by_id, key=lambda unit: unit.published_at, reverse=True)
    return {
        unit.cluster: order[place] if place < len(order) else "train"
        for place, unit in enumerate(newest_first)
    }
