"""Experiments over datasets, and prompt versions: noted on disk, and sent so that twice changes nothing."""

import contextlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resources.opik_client import OpikConflict, OpikMissing, insist
from resources.opik_outbox import EXPERIMENT, PROMPT, Entry, Outbox
from resources.opik_records import LARGEST_SCORE, Redact, dated_id, redacted
from resources.opik_settings import OpikPlace

if TYPE_CHECKING:
    from opik.rest_api.client import OpikApi

# An item of a dataset keeps its id from one experiment to the next, so its moment must be a fixed one.
ITEM_MILLISECONDS: Final = 1_704_067_200_000
PART: Final = 200
_FIELD: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class ExperimentRow:
    """One thing that was tried: what was asked, what came, what was wanted, and how good it was."""

    asked: Mapping[str, Any]
    answered: Mapping[str, Any]
    wanted: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """Rows over a dataset at a moment (with its zone), what is known of the whole, and its own scores."""

    name: str
    dataset: str
    at: datetime
    rows: Sequence[ExperimentRow]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


def note_experiment(home: Path, place: OpikPlace, twin: str, experiment: Experiment) -> str:
    """Have the next export send an experiment, with a scored trace for each row; returns its id.

    Every id hangs on content and moment: the same one noted or sent twice is there once. Scores that are
    no numbers to Opik are left out. Raises ValueError where there are no rows.
    """
    if not experiment.rows:
        raise ValueError(f"the experiment {experiment.name} has no rows")
    moment = int(experiment.at.timestamp() * 1000)
    experiment_id = dated_id(moment, f"experiment {place.name} {experiment.dataset} {experiment.name}")
    content = asdict(experiment) | {"at": experiment.at.isoformat(), "scores": _numbers(experiment.scores)}
    content["rows"] = [asdict(row) | {"scores": _numbers(row.scores)} for row in experiment.rows]
    Outbox(home, place.name).add(EXPERIMENT, twin, experiment_id, content)
    return experiment_id


def note_prompt(home: Path, place: OpikPlace, twin: str, release_id: str, text: str) -> str:
    """Have the next export put a release's prompt into the library, as the newest of the twin's.

    Returns the prompt's name there. Its fields, {in_braces}, become Opik's variables. A release is noted
    once; a text that is the newest already is no new version.
    """
    template = _FIELD.sub(r"{{\1}}", text)
    name = f"{twin}-answer"
    content = {"name": name, "template": template, "release_id": release_id}
    Outbox(home, place.name).add(PROMPT, twin, release_id, content)
    return name


def send(api: "OpikApi", place: OpikPlace, entry: Entry, redact: Redact) -> None:
    """Have Opik take an experiment or a prompt that was noted. Raises what `insist` raises."""
    content = json.loads(entry.payload or "")
    if entry.kind == PROMPT:
        _commit(api, place, content)
    else:
        _Sending(api, place, entry.id, _read(content, redact)).run()


def is_seen(api: "OpikApi", place: OpikPlace, entry: Entry) -> bool:
    """Whether Opik shows what was sent: the experiment by its id, the prompt as a version."""
    name = json.loads(entry.payload or "")["name"]
    if entry.kind == PROMPT:
        return _newest_template(api, place, name) is not None
    try:
        return bool(insist(partial(api.experiments.get_experiment_by_id, entry.id)).name == name)
    except OpikMissing:
        return False


@dataclass(frozen=True)
class _Sending:
    api: "OpikApi"
    place: OpikPlace
    experiment_id: str
    what: Experiment

    def run(self) -> None:
        """The dataset, the experiment, and its rows; each is there before what names it."""
        self._dataset()
        self._experiment()
        for rows in _parts(self.what.rows):
            self._tried(rows)
        insist(partial(self.api.experiments.finish_experiments, ids=[self.experiment_id]))

    def _dataset(self) -> None:
        """The dataset with an item for each row; what it holds already stays."""
        from opik.rest_api.types.dataset_item_write import DatasetItemWrite

        datasets, dataset = self.api.datasets, self.what.dataset
        named = {"project_name": self.place.project}
        try:
            insist(partial(datasets.get_dataset_by_identifier, dataset_name=dataset, **named))
        except OpikMissing:
            # Somebody else may have made it meanwhile.
            with contextlib.suppress(OpikConflict):
                insist(partial(datasets.create_dataset, name=dataset, **named))
        items = {
            self._item_id(row): {"input": row.asked, "expected_output": row.wanted} for row in self.what.rows
        }
        for part in _parts([DatasetItemWrite(id=i, source="sdk", data=data) for i, data in items.items()]):
            put = datasets.create_or_update_dataset_items
            insist(partial(put, dataset_name=dataset, items=part, **named))

    def _experiment(self) -> None:
        """The experiment without its rows."""
        from opik.rest_api.types.experiment_score_write import ExperimentScoreWrite

        what, create = self.what, self.api.experiments.create_experiment
        named = {"dataset_name": what.dataset, "name": what.name, "project_name": self.place.project}
        scores = [ExperimentScoreWrite(name=name, value=value) for name, value in what.scores.items()]
        more = {"experiment_scores": scores} if scores else {}
        insist(
            partial(
                create, id=self.experiment_id, metadata=dict(what.metadata), type="regular", **named, **more
            )
        )

    def _tried(self, rows: Sequence[ExperimentRow]) -> None:
        """A trace for each row, its scores, and its place in the experiment."""
        from opik.rest_api.types.experiment_item import ExperimentItem
        from opik.rest_api.types.feedback_score_batch_item import FeedbackScoreBatchItem
        from opik.rest_api.types.trace_write import TraceWrite

        shared = {"project_name": self.place.project}
        traces = [TraceWrite(**self._trace(row), **shared) for row in rows]
        scores = [
            FeedbackScoreBatchItem(id=self._trace_id(row), name=name, value=value, source="sdk", **shared)
            for row in rows
            for name, value in row.scores.items()
        ]
        insist(partial(self.api.traces.create_traces, traces=traces))
        for part in _parts(scores):
            insist(partial(self.api.traces.score_batch_of_traces, scores=part))
        items = [ExperimentItem(**self._item(row)) for row in rows]
        insist(partial(self.api.experiments.create_experiment_items, experiment_items=items))

    def _item(self, row: ExperimentRow) -> dict[str, str]:
        return {
            "id": dated_id(self._moment, f"item {self.experiment_id} {self._trace_id(row)}"),
            "experiment_id": self.experiment_id,
            "dataset_item_id": self._item_id(row),
            "trace_id": self._trace_id(row),
        }

    def _trace(self, row: ExperimentRow) -> dict[str, Any]:
        moments = {"start_time": self.what.at, "end_time": self.what.at}
        told = {"input": dict(row.asked), "output": dict(row.answered)}
        return {"id": self._trace_id(row), "name": self.what.name, "source": "experiment", **moments, **told}

    @property
    def _moment(self) -> int:
        return int(self.what.at.timestamp() * 1000)

    def _trace_id(self, row: ExperimentRow) -> str:
        return dated_id(self._moment, f"tried {self.experiment_id} {_text(row.asked)} {_text(row.answered)}")

    def _item_id(self, row: ExperimentRow) -> str:
        return dated_id(ITEM_MILLISECONDS, f"{self.place.name} {self.what.dataset} {_text(row.asked)}")


def _commit(api: "OpikApi", place: OpikPlace, content: Mapping[str, str]) -> None:
    """Make the text the newest version, unless it is."""
    from opik.rest_api.types.prompt_version_detail import PromptVersionDetail

    if _newest_template(api, place, content["name"]) == content["template"]:
        return
    version = PromptVersionDetail(
        template=content["template"], type="mustache", metadata={"release_id": content["release_id"]}
    )
    create = api.prompts.create_prompt_version
    insist(partial(create, name=content["name"], version=version, project_name=place.project))


def _newest_template(api: "OpikApi", place: OpikPlace, name: str) -> str | None:
    """The text of the newest version; None before the first one."""
    retrieve = api.prompts.retrieve_prompt_version
    try:
        template: str = insist(partial(retrieve, name=name, project_name=place.project)).template
    except OpikMissing:
        return None
    return template


def _read(content: Mapping[str, Any], redact: Redact) -> Experiment:
    """An experiment as it was noted, every human word of its rows redacted."""
    rows = [
        ExperimentRow(
            asked=redacted(row["asked"], redact),
            answered=redacted(row["answered"], redact),
            wanted=redacted(row["wanted"], redact),
            scores=row["scores"],
        )
        for row in content["rows"]
    ]
    return Experiment(**{**content, "at": datetime.fromisoformat(content["at"]), "rows": rows})


def _numbers(scores: Mapping[str, float]) -> dict[str, float]:
    return {
        name: value for name, value in scores.items() if math.isfinite(value) and abs(value) <= LARGEST_SCORE
    }


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Opik takes at most a thousand of anything at once, and no empty list."""
    return (items[start : start + PART] for start in range(0, len(items), PART))


def _text(part: Mapping[str, Any]) -> str:
    return json.dumps(part, sort_keys=True, ensure_ascii=False)
