"""Prompt versions, datasets and experiments in Opik; doing it twice changes nothing there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from resources.opik_client import OpikMissing, connected, greeted, insist
from resources.opik_records import Redact, dated_id, redacted
from resources.opik_settings import OpikPlace

if TYPE_CHECKING:
    from opik.rest_api.client import OpikApi

# An item of a dataset keeps its id from one experiment to the next, so its moment must be a fixed one.
ITEM_MILLISECONDS: Final = 1_704_067_200_000
PART: Final = 200


@dataclass(frozen=True)
class ExperimentRow:
    """One thing that was tried: what was asked, what came, what was wanted, and how good it was."""

    asked: Mapping[str, Any]
    answered: Mapping[str, Any]
    wanted: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


def prompt_version(place: OpikPlace, name: str, text: str) -> str:
    """The commit of this text in the prompt library, made where the newest version is another.

    Raises what `insist` raises.
    """
    with connected(place) as api:
        greeted(api)
        try:
            newest = insist(partial(_newest_prompt, api, place, name))
            if newest.template == text:
                return str(newest.commit)
        except OpikMissing:
            pass
        return str(insist(partial(_new_prompt, api, place, name, text)).commit)


def log_experiment(
    place: OpikPlace,
    name: str,
    dataset: str,
    rows: Sequence[ExperimentRow],
    at: datetime,
    redact: Redact,
    metadata: Mapping[str, Any] | None = None,
) -> str:
    """An experiment over a dataset, with a scored trace for each row; returns its id.

    Everything's id hangs on its content and on `at`, so the same call again changes nothing. Raises
    ValueError where there are no rows, and what `insist` raises.
    """
    if not rows:
        raise ValueError(f"the experiment {name} has no rows")
    moment = int(at.timestamp() * 1000)
    experiment_id = dated_id(moment, f"experiment {place.name} {dataset} {name}")
    plain = [_redacted(row, redact) for row in rows]
    with connected(place) as api:
        greeted(api)
        known = _Experiment(api, place, experiment_id, name, dataset, at)
        known.dataset_made(plain)
        known.made(metadata or {})
        for start in range(0, len(plain), PART):
            known.tried(plain[start : start + PART])
        insist(partial(api.experiments.finish_experiments, ids=[experiment_id]))
    return experiment_id


@dataclass(frozen=True)
class _Experiment:
    api: "OpikApi"
    place: OpikPlace
    experiment_id: str
    name: str
    dataset: str
    at: datetime

    def dataset_made(self, rows: Sequence[ExperimentRow]) -> None:
        """The dataset with an item for each row; what it holds already stays."""
        from opik.rest_api.types.dataset_item_write import DatasetItemWrite

        named = {"project_name": self.place.project}
        try:
            insist(partial(self.api.datasets.get_dataset_by_identifier, dataset_name=self.dataset, **named))
        except OpikMissing:
            insist(partial(self.api.datasets.create_dataset, name=self.dataset, **named))
        items = {self._item_id(row): {"input": row.asked, "expected_output": row.wanted} for row in rows}
        written = [DatasetItemWrite(id=i, source="sdk", data=data) for i, data in items.items()]
        for start in range(0, len(written), PART):
            part = written[start : start + PART]
            put = self.api.datasets.create_or_update_dataset_items
            insist(partial(put, dataset_name=self.dataset, items=part, **named))

    def made(self, metadata: Mapping[str, Any]) -> None:
        """The experiment without its rows."""
        create = self.api.experiments.create_experiment
        named = {"dataset_name": self.dataset, "name": self.name, "project_name": self.place.project}
        insist(partial(create, id=self.experiment_id, metadata=dict(metadata), type="regular", **named))

    def tried(self, rows: Sequence[ExperimentRow]) -> None:
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
        items = [
            ExperimentItem(
                id=dated_id(self._moment, f"item {self.experiment_id} {self._trace_id(row)}"),
                experiment_id=self.experiment_id,
                dataset_item_id=self._item_id(row),
                trace_id=self._trace_id(row),
            )
            for row in rows
        ]
        insist(partial(self.api.traces.create_traces, traces=traces))
        # Opik takes at most a thousand scores at once, and no empty list.
        for start in range(0, len(scores), PART):
            insist(partial(self.api.traces.score_batch_of_traces, scores=scores[start : start + PART]))
        insist(partial(self.api.experiments.create_experiment_items, experiment_items=items))

    @property
    def _moment(self) -> int:
        return int(self.at.timestamp() * 1000)

    def _trace(self, row: ExperimentRow) -> dict[str, Any]:
        moments = {"start_time": self.at, "end_time": self.at}
        told = {"input": dict(row.asked), "output": dict(row.answered)}
        return {"id": self._trace_id(row), "name": self.name, "source": "experiment", **moments, **told}

    def _trace_id(self, row: ExperimentRow) -> str:
        return dated_id(self._moment, f"tried {self.experiment_id} {_text(row.asked)} {_text(row.answered)}")

    def _item_id(self, row: ExperimentRow) -> str:
        return dated_id(ITEM_MILLISECONDS, f"{self.place.name} {self.dataset} {_text(row.asked)}")


def _newest_prompt(api: "OpikApi", place: OpikPlace, name: str) -> Any:
    return api.prompts.retrieve_prompt_version(name=name, project_name=place.project)


def _new_prompt(api: "OpikApi", place: OpikPlace, name: str, text: str) -> Any:
    from opik.rest_api.types.prompt_version_detail import PromptVersionDetail

    version = PromptVersionDetail(template=text, type="mustache")
    return api.prompts.create_prompt_version(name=name, version=version, project_name=place.project)


def _redacted(row: ExperimentRow, redact: Redact) -> ExperimentRow:
    asked, answered, wanted = (redacted(dict(part), redact) for part in (row.asked, row.answered, row.wanted))
    return ExperimentRow(asked, answered, wanted, row.scores)


def _text(part: Mapping[str, Any]) -> str:
    return json.dumps(part, sort_keys=True, ensure_ascii=False)
