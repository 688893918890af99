"""Which documents a model may learn from, and which it is judged on: decided once for each.

A cluster is what must not be divided: documents with the same normalised text, or of the same
author under the same normalised title.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

_OTHER = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Quotas:
    """How many of an author's clusters are held out."""

    test: int
    validation: int


def quotas(clusters: int) -> Quotas:
    """A fifth for the test, at least five where that is not above a third; a tenth for validation."""
    validation = max(1, clusters // 10) if clusters >= 5 else 0
    return Quotas(max(round(0.2 * clusters), min(5, clusters // 3)), validation)


def assign_splits(documents: pd.DataFrame, known: Mapping[str, str]) -> pd.DataFrame:
    """The documents with the columns `cluster_id` and `split`.

    `known` maps document ids to the splits they had before. They keep them, except that a cluster
    that would join two splits goes to train as a whole. New clusters fill what is open of their
    author's quotas, the test first, newest first; the others are train.
    """
    clusters = _clusters(documents)
    units = _units(documents, clusters, known)
    splits = {unit.cluster: unit.split for unit in units if unit.split}
    for author in {unit.author for unit in units}:
        splits |= _filled([unit for unit in units if unit.author == author])
    return documents.assign(cluster_id=clusters, split=[splits[cluster] for cluster in clusters])


@dataclass(frozen=True)
class _Unit:
    """A cluster: the author of its newest document owns it; `split` is None while it is undecided."""

    cluster: str
    author: str
    published_at: str
    split: str | None


def _units(documents: pd.DataFrame, clusters: list[str], known: Mapping[str, str]) -> list[_Unit]:
    members = defaultdict(list)
    published = documents["published_at"].astype(object).where(documents["published_at"].notna(), "")
    rows = zip(clusters, published, documents["document_id"], documents["author"], strict=True)
    for cluster, day, document, author in rows:
        members[cluster].append((str(day), str(document), str(author)))
    return [_unit(cluster, inside, known) for cluster, inside in members.items()]


def _unit(cluster: str, members: list[tuple[str, str, str]], known: Mapping[str, str]) -> _Unit:
    day, _, author = max(members)
    before = {known[document] for _, document, _ in members if document in known}
    split = "train" if len(before) > 1 else next(iter(before), None)
    return _Unit(cluster, author, day, split)


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


def _clusters(documents: pd.DataFrame) -> list[str]:
    """For every row the smallest document id in its cluster."""
    names = [str(name) for name in documents["document_id"]]
    parent = {name: name for name in names}
    for keys in (_by_text(documents), _by_title(documents)):
        first: dict[Hashable, str] = {}
        for name, key in zip(names, keys, strict=True):
            _join(parent, first.setdefault(key, name), name)
    return [_root(parent, name) for name in names]


def _by_text(documents: pd.DataFrame) -> Iterable[Hashable]:
    return (_normalised(text) or name for text, name in _pairs(documents, "text", "document_id"))


def _by_title(documents: pd.DataFrame) -> Iterable[Hashable]:
    titled = zip(documents["author"], documents["title"], documents["document_id"], strict=True)
    return ((author, _normalised(title) or name) for author, title, name in titled)


def _pairs(documents: pd.DataFrame, one: str, other: str) -> Iterable[tuple[str, str]]:
    return zip(documents[one], documents[other], strict=True)


def _normalised(words: str) -> str:
    return _OTHER.sub(" ", words.casefold()).strip()


def _root(parent: dict[str, str], name: str) -> str:
    while parent[name] != name:
        parent[name] = parent[parent[name]]
        name = parent[name]
    return name


def _join(parent: dict[str, str], one: str, other: str) -> None:
    small, large = sorted((_root(parent, one), _root(parent, other)))
    parent[large] = small
