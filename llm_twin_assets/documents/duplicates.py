"""Which documents are copies of another, and which must not be divided between splits.

A cluster is what must not be divided: documents that share much of their text, and documents of the
same author under the same normalised title.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from llm_twin_assets.documents.shingles import Hashes, candidates, normalised, shingles, words
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.rows import Row, records

NEAR_DUPLICATE_FROM: Final = 0.7
RELATED_FROM: Final = 0.3
CONTAINED_FROM: Final = 0.5
_READ = ["document_id", "uri", "title", "author", "published_at", "text", "signature"]

Dropped = tuple[str, Reason, str]
Link = tuple[str, str]


@dataclass(frozen=True)
class Pair:
    """Two related documents, `one` the smaller id, and what their sets of word 5-grams share.

    `jaccard` is what both have of all that either has, `containment` of all that the smaller one has.
    """

    one: str
    other: str
    jaccard: float
    containment: float


@dataclass(frozen=True)
class Deduplicated:
    """What is kept and what is dropped of some documents, both in the order of their ids.

    `kept` are the given rows with a column `cluster_id`. `dropped` says of every other document why.
    `decided` maps the id of a cluster to the splits that its documents had before, also those that
    are dropped now or have vanished; a cluster of new documents only is not in it.
    """

    kept: pd.DataFrame
    dropped: list[Dropped]
    decided: dict[str, set[str]]


def relations(documents: pd.DataFrame) -> list[Pair]:
    """The pairs with a Jaccard similarity from 0.3 or a containment from 0.5, ordered by their ids.

    Reads `document_id`, `text` and `signature`, which must be `shingles.signature` of the text. Both
    numbers are exact; only the texts of pairs that `shingles.candidates` proposes are shingled, and
    what it may miss is said there.
    """
    columns = ("document_id", "text", "signature")
    return _relations(*(documents[name].tolist() for name in columns))


def _relations(names: list[str], texts: list[str], signatures: list[bytes]) -> list[Pair]:
    seen: dict[int, Hashes] = {}
    related = []
    for one, other in candidates(signatures).tolist():
        for row in (one, other):
            if row not in seen:
                seen[row] = shingles(texts[row])
        pair = _compared(names[one], names[other], seen[one], seen[other])
        if pair.jaccard >= RELATED_FROM or pair.containment >= CONTAINED_FROM:
            related.append(pair)
    return sorted(related, key=lambda pair: (pair.one, pair.other))


def _compared(one: str, other: str, first: Hashes, second: Hashes) -> Pair:
    smaller, greater = sorted((one, other))
    return Pair(smaller, greater, *overlap(first, second))


def overlap(first: Hashes, second: Hashes) -> tuple[float, float]:
    """What two sets of shingles share: of all that either has (Jaccard), and of the smaller one."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared), shared / min(len(first), len(second))


def deduplicated(documents: pd.DataFrame, previous: pd.DataFrame) -> Deduplicated:
    """One document of each group of copies, and the clusters of what is kept.

    Documents are taken in order: the first published first (undated ones last), then the longest,
    then the smallest id. One with a Jaccard similarity from 0.7 to a document already kept is
    dropped, so nothing is dropped without a copy that is kept. Related documents are both kept, in
    one cluster; its id is the smallest id in it that is kept.

    `documents` needs the columns document_id, uri, title, author, published_at, text and signature;
    `previous` holds the rows of the last time, with `split` too. Those of them that are not among
    the documents have vanished: a document related to one takes over its split, but they join no
    clusters and are in no output.
    """
    living = {row["document_id"]: row for row in records(documents[_READ])}
    vanished = previous[~previous["document_id"].isin(living.keys())]
    original = _originals(sorted(living.values(), key=_precedence))
    distinct = [living[name] for name, same in original.items() if name == same]
    gone = sorted(records(vanished[_READ]), key=_precedence)
    compared = [*distinct, *gone]
    columns = ("document_id", "text", "signature")
    pairs = _relations(*([row[name] for row in compared] for name in columns))
    titled = _by_title([*living.values(), *gone])
    links = [*original.items(), *((pair.one, pair.other) for pair in pairs), *titled]
    copy_of = _copies(original, pairs)
    clusters = _clusters(living.keys(), living.keys() - copy_of.keys(), links)
    kept = documents[~documents["document_id"].isin(copy_of.keys())].sort_values("document_id")
    return Deduplicated(
        kept.assign(cluster_id=kept["document_id"].map(clusters)),
        [_dropped(living[name], living[of], share) for name, (of, share) in sorted(copy_of.items())],
        _decided(clusters, links, dict(zip(previous["document_id"], previous["split"], strict=True))),
    )


def _precedence(row: Row) -> tuple[bool, str, int, str]:
    """Rows sorted by it: of several copies the first is kept."""
    day = row["published_at"]
    return day is None, day or "", -len(row["text"]), row["document_id"]


def _originals(rows: list[Row]) -> dict[str, str]:
    """For every document, in the order given, the first one with the same normalised text.

    Equal texts have equal signatures, so only texts with a repeated signature are looked at.
    """
    signatures = Counter(row["signature"] for row in rows)
    first: dict[Hashable, str] = {}
    originals = {}
    for row in rows:
        repeated = signatures[row["signature"]] > 1
        key = tuple(words(row["text"])) if repeated else row["signature"]
        originals[row["document_id"]] = first.setdefault(key, row["document_id"])
    return originals


def _copies(original: dict[str, str], pairs: list[Pair]) -> dict[str, tuple[str, float]]:
    """The kept document that each dropped one is a copy of, and their Jaccard similarity.

    `original` is in the order of precedence: a document is kept unless it is a copy of a kept one.
    """
    near: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for pair in pairs:
        if pair.jaccard >= NEAR_DUPLICATE_FROM:
            near[pair.one].append((pair.other, pair.jaccard))
            near[pair.other].append((pair.one, pair.jaccard))
    kept: dict[str, int] = {}
    copies: dict[str, tuple[str, float]] = {}
    for name, same in original.items():
        of = [copy for copy in near[name] if copy[0] in kept]
        if name != same:
            copies[name] = copies.get(same, (same, 1.0))
        elif of:
            copies[name] = max(of, key=lambda copy: (copy[1], -kept[copy[0]]))
        else:
            kept[name] = len(kept)
    return copies


def _dropped(row: Row, kept: Row, share: float) -> Dropped:
    same = words(row["text"]) == words(kept["text"])
    reason = Reason.DUPLICATE if same else Reason.NEAR_DUPLICATE
    what = "the same text as" if same else f"a copy (similarity {share:.2f}) of"
    return row["document_id"], reason, f"{row['uri']}: {what} {kept['uri']}, kept because {_why(row, kept)}"


def _why(row: Row, kept: Row) -> str:
    if kept["published_at"] != row["published_at"]:
        return "it was published first" if row["published_at"] else "it has a date"
    return "it is longer" if len(kept["text"]) > len(row["text"]) else "its id comes first"


def _by_title(rows: list[Row]) -> list[Link]:
    """Each document with the first of the same author under the same normalised title."""
    first: dict[tuple[str, str], str] = {}
    links = []
    for row in rows:
        title = normalised(row["title"])
        if title:
            links.append((row["document_id"], first.setdefault((row["author"], title), row["document_id"])))
    return links


def _clusters(living: Iterable[str], kept: Set[str], links: list[Link]) -> dict[str, str]:
    """For every living document the smallest kept id that links between living documents lead to."""
    parent = {name: name for name in sorted(living)}
    for one, other in links:
        if one in parent and other in parent:
            _join(parent, one, other)
    smallest: dict[str, str] = {}
    for name in sorted(kept):
        smallest.setdefault(_root(parent, name), name)
    return {name: smallest[_root(parent, name)] for name in parent}


def _root(parent: dict[str, str], name: str) -> str:
    while parent[name] != name:
        parent[name] = parent[parent[name]]
        name = parent[name]
    return name


def _join(parent: dict[str, str], one: str, other: str) -> None:
    small, large = sorted((_root(parent, one), _root(parent, other)))
    parent[large] = small


def _decided(clusters: Mapping[str, str], links: list[Link], known: Mapping[str, str]) -> dict[str, set[str]]:
    """The earlier splits of each cluster's documents, and of vanished ones that they are linked to."""
    both_ways = [*links, *((other, one) for one, other in links), *((name, name) for name in clusters)]
    decided: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in both_ways:
        if one in clusters and other in known:
            decided[clusters[one]].add(known[other])
    return dict(decided)
