"""Which feedback the next training may use: what earlier cycles collected, but for what did harm.

What stands in the feedback dataset when a training begins was said at least a day before, of answers of
earlier releases. Rows that are accepted together are a batch, and a trained model names the batches that it
learned from. Where the gate refuses such a model, or its release is rolled back, the batches that no model
still in good standing learned from are blamed: their traces, threads, voters and spans are accepted no more,
whoever sends them again. That may hit the innocent beside the guilty, and costs at most a tenth of the rows.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import pandas as pd

from llm_twin_assets.contracts import ACCEPTED_FEEDBACK, digest, rejected, shaped
from llm_twin_assets.datasets.decontamination import HeldOut
from llm_twin_assets.datasets.feedback_rows import room
from llm_twin_assets.datasets.provenance import not_verbatim
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused
from resources.files import read_json, write_json
from resources.models import Model, ModelStore
from resources.releases import Releases
from resources.store import Store, Table

_BY: Final = ("trace_id", "thread", "voter")
_EMPTY: Final[dict[str, dict[str, Any]]] = {"batches": {}, "blamed": {}, "pardoned": {}}


class UnknownBatch(LookupError):
    """A batch of feedback was named that was never accepted."""


class Batches:
    """`batches.json` beside a twin's accepted rows: where each batch came from, and which are blamed."""

    def __init__(self, store: Store, twin: str) -> None:
        self._path = store.folder("accepted_feedback", twin) / "batches.json"
        self._lock = partial(store.locks.held, f"feedback_batches/{twin}")

    def add(self, batch: str, rows: pd.DataFrame) -> None:
        """Note the origins of a batch's rows."""
        self._note("batches", {batch: sorted(set().union(*map(_origins, rows.to_dict("records"))))})

    def blame(self, reasons: Mapping[str, str]) -> None:
        """Accept nothing of these batches' origins any more, each for a reason."""
        self._note("blamed", reasons)

    def pardon(self, batch: str, reason: str) -> None:
        """Somebody looked and found a batch innocent, for good; raises UnknownBatch."""
        known = self._read()["batches"]
        if batch not in known:
            raise UnknownBatch(f"there is no batch {batch!r}; there are: {', '.join(known) or 'none'}")
        self._note("pardoned", {batch: reason})

    def __contains__(self, batch: object) -> bool:
        return batch in self._read()["batches"]

    def traces(self) -> set[str]:
        """The ids of the requests that all batches came from."""
        noted = (origin.partition(":") for origins in self._read()["batches"].values() for origin in origins)
        return {value for name, _, value in noted if name == "trace_id"}

    def blamed(self) -> dict[str, str]:
        """The blamed batches that nobody pardoned, each with the reason."""
        kept = self._read()
        return {name: why for name, why in kept["blamed"].items() if name not in kept["pardoned"]}

    def blamed_origins(self) -> dict[str, str]:
        """Each origin that is accepted no more, with the first batch that it is blamed for."""
        known = self._read()["batches"]
        return {origin: batch for batch in sorted(self.blamed(), reverse=True) for origin in known[batch]}

    def _read(self) -> dict[str, dict[str, Any]]:
        return _EMPTY | (read_json(self._path) or {})

    def _note(self, name: str, entries: Mapping[str, Any]) -> None:
        """Add entries that are not there yet."""
        with self._lock():
            kept = self._read()
            if entries.keys() - kept[name].keys():
                write_json(self._path, kept | {name: {**entries, **kept[name]}})


def accepted(
    stored: pd.DataFrame,
    before: pd.DataFrame,
    documents: pd.DataFrame,
    batches: Batches,
    own: int,
    out: HeldOut,
) -> Table:
    """The rows of a stored feedback dataset that the next training may use, at most a tenth of `own`.

    `before` is what was accepted the last time: its rows come first and stay in their batches, those that
    left the feedback dataset go. The others are a new batch, which is noted. `documents`: the cleaned ones;
    what stands in no training document any more goes too, and what is evaluated with by now (`out`): a new
    document may ask what a reader did. `own` counts the author's own training rows.
    """
    known = dict(zip(before["row_id"], before["batch"], strict=True))
    taken: list[dict[Hashable, Any]] = []
    left: list[tuple[str, Reason, str]] = []
    blamed, stale, most = batches.blamed_origins(), _stale(stored, documents), room(own)
    for row in sorted(stored.to_dict("records"), key=lambda row: _precedence(row, known)):
        if accused := sorted({blamed[origin] for origin in _origins(row) & blamed.keys()}):
            left.append((row["row_id"], Reason.BLAMED, f"its origin is blamed with batch {accused[0]}"))
        elif row["row_id"] in stale:
            detail = "its words no longer stand in training documents"
            left.append((row["row_id"], Reason.STALE_ROW, detail))
        elif refused := _refused(row, out):
            left.append((row["row_id"], refused.reason, refused.detail))
        elif len(taken) >= most:
            detail = f"there is room for {most}: a tenth of the author's own rows"
            left.append((row["row_id"], Reason.SHARE_CAP, detail))
        else:
            taken.append(row)
    rows = _in_batches(pd.DataFrame(taken, columns=list(stored.columns)), known, batches)
    numbers = {"batches": int(rows["batch"].nunique()), "blamed_batches": len(batches.blamed())}
    return Table(rows, rejected(left, "accepted_feedback"), numbers)


def blame(store: Store, models: ModelStore, releases: Releases, twin: str) -> None:
    """Blame the batches of models that the gate refused, that are worse than the champion, or rolled back."""
    adapters = {releases.manifest(twin, one).adapter for one in releases.all(twin)}
    bad = dict.fromkeys(releases.quarantined(twin), "its release was rolled back")
    if store.record("model_evaluation", twin) is not None:
        bad |= stopped(store.report("model_evaluation", twin))
    found = guilty(models.versions("aligned_model", twin), bad, adapters)
    batches = Batches(store, twin)
    batches.blame({batch: why for batch, why in found.items() if batch in batches})


def stopped(report: Mapping[str, Any]) -> dict[str, str]:
    """The model that an evaluation stopped, with the reason; none where it was only not shown to be better.

    A challenger worse than the champion is kept out by the gate without being refused; what it learned would
    keep out every later one.
    """
    if report["decision"] == "refuse":
        return {report["challenger"]: "the gate refused a model that learned from it"}
    over = report.get("over_champion")
    if report["decision"] == "keep" and over and over["high"] is not None and over["high"] < 0:
        return {report["challenger"]: "a model that learned from it was worse than the champion"}
    return {}


def guilty(models: Iterable[Model], refused: Mapping[str, str], released: Collection[str]) -> dict[str, str]:
    """The batches to blame, each with the reason for which a model that learned from it was refused.

    models: every version of the twin's aligned model, whose metadata names `feedback`, its batches.
    refused: adapter version to reason. released: the adapters of all releases; what one of them that was not
    refused learned is not blamed.
    """
    learned = {model.version: set(model.metadata.get("feedback", ())) for model in models}
    good: set[str] = set()
    for version in set(released) - refused.keys():
        good |= learned.get(version, set())
    return {
        batch: why
        for version, why in sorted(refused.items())
        for batch in sorted(learned.get(version, set()) - good)
    }


def _stale(stored: pd.DataFrame, documents: pd.DataFrame) -> set[str]:
    may = learnable(documents, "train")
    other = stored["rejected_document_id"]
    gone = stored[other.notna() & ~other.isin(may["document_id"])]["row_id"]
    return {*not_verbatim(stored, may), *map(str, gone)}


def _refused(row: Mapping[Hashable, Any], out: HeldOut) -> Refused | None:
    try:
        out.check(row["instruction"], row["answer"])
    except Refused as refused:
        return refused
    return None


def _precedence(row: Mapping[Hashable, Any], known: Collection[str]) -> tuple[bool, str, str]:
    return row["row_id"] not in known, str(row["said_at"]), str(row["row_id"])


def _origins(row: Mapping[Hashable, Any]) -> set[str]:
    """Where a row came from, as names that the same trace, thread, voter or span has again."""
    span = f"span:{row['document_id']}:{row['start']}:{row['end']}"
    return {f"{name}:{row[name]}" for name in _BY} | {span}


def _in_batches(rows: pd.DataFrame, known: Mapping[str, str], batches: Batches) -> pd.DataFrame:
    new = rows[~rows["row_id"].isin(known.keys())]
    name = digest(sorted(new["row_id"]))[:16]
    if len(new):
        batches.add(name, new)
    return shaped(rows.assign(batch=[known.get(row, name) for row in rows["row_id"]]), ACCEPTED_FEEDBACK)
