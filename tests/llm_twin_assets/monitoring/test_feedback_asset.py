"""feedback_dataset as Dagster runs it, beside a trace store and what the stages before it leave."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from resources.store import Table
from resources.twins import FileSource, Twin, Twins
from tests.llm_twin_assets.monitoring import feedback_world
from tests.llm_twin_assets.monitoring.test_assets import World


class Judged(World):
    """A world of Ada's, whose twin has a dataset, and whose answers are judged."""

    def __init__(self, store):
        super().__init__(store)
        self.author = Twin(name=self.twin, author=feedback_world.ADA)
        self.measured_by()

    def measured_by(self, questions=None):
        folder = FileSource(kind="folder", path=self.store.home)
        self.twins = Twins(root=self.store.home, sources=[folder], twins=[self.author], questions=questions)

    def fill(self):
        from llm_twin_assets.contracts import CHUNKS, empty

        instruct = feedback_world.INSTRUCT.assign(twin=self.twin)
        self.store.materialize("cleaned_documents", "1", lambda: Table(feedback_world.DOCUMENTS))
        self.store.materialize("cleaned_chunks", "1", lambda: Table(empty(CHUNKS)))
        self.store.materialize("instruct_dataset", "1", lambda: Table(instruct), self.twin)

    def judge(self, number, days=2.0, **judgement):
        when = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
        asked = feedback_world.trace(number, timings_ms={"total": 7.0})
        self.traces.append(replace(asked, twin=self.twin, created_at=when))
        self.traces.give_feedback(replace(feedback_world.said(number, **judgement), created_at=when))

    def collect(self):
        from llm_twin_assets.monitoring.assets import feedback_dataset

        return self.run(feedback_dataset)[:2]


@pytest.fixture
def judged(store, monkeypatch):
    from llm_twin_assets.monitoring import assets

    hour = assets._this_hour()
    monkeypatch.setattr(assets, "_this_hour", lambda: hour)
    made = Judged(store)
    made.fill()
    return made


def test_what_was_judged_becomes_rows_and_is_reused_without_more(judged, store):
    judged.ingest()
    _, numbers = judged.collect()
    assert (numbers["rows"], numbers["reused"]) == (0, False)
    judged.judge(1, value=1)
    judged.judge(2, days=0.5, value=1)
    judged.ingest()
    version, numbers = judged.collect()
    assert (numbers["rows"], numbers["rows/approved"], numbers["rejected/too_young"]) == (1, 1, 1)
    assert list(store.read("feedback_dataset", judged.twin)["trace_id"]) == ["trace-00001"]
    again, numbers = judged.collect()
    assert (again, numbers["rows"], numbers["reused"]) == (version, 1, True)


def test_what_is_forgotten_by_its_age_takes_what_was_said_of_it_and_the_row_that_it_gave(judged, store):
    judged.judge(1, days=40, value=1)
    judged.judge(2, value=1)
    judged.ingest()
    judged.collect()
    rows = store.read("feedback_dataset", judged.twin)
    assert list(rows["trace_id"]) == ["trace-00001"], "what was said first of a document has its room"
    judged.ingest(trace_days=30)
    judged.collect()
    left = [store.read(name, judged.twin) for name in ("production_traces", "feedback_dataset")]
    assert [list(rows["trace_id"]) for rows in left] == [["trace-00002"]] * 2
    assert [one["trace_id"] for one in judged.traces.feedback_since(judged.twin)] == ["trace-00002"]
    assert "trace-00001" not in store.rejected().to_csv()


def test_the_next_hour_looks_again_only_where_something_was_said(judged, monkeypatch):
    from llm_twin_assets.monitoring import assets

    judged.ingest()
    judged.collect()
    later = datetime.now(UTC) + timedelta(hours=30)
    monkeypatch.setattr(assets, "_this_hour", lambda: later)
    assert judged.collect()[1]["reused"]
    monkeypatch.undo()
    judged.judge(1, days=0.5, value=1)
    judged.ingest()
    assert judged.collect()[1]["rows"] == 0
    monkeypatch.setattr(assets, "_this_hour", lambda: later)
    assert judged.collect()[1]["rows"] == 1


def test_other_questions_to_measure_by_look_again(judged, store):
    judged.ingest()
    judged.collect()
    (store.home / "questions.yaml").write_text("[]")
    judged.measured_by(store.home / "questions.yaml")
    assert not judged.collect()[1]["reused"]
    assert judged.collect()[1]["reused"]


def test_a_twin_without_a_dataset_says_what_its_feedback_waits_for(store):
    world = Judged(store)
    world.judge(1, value=1)
    world.ingest()
    _, numbers = world.collect()
    assert numbers["rows"] == 0
    assert numbers["waits_for"] == "cleaned_documents, cleaned_chunks, instruct_dataset: run `llm-twin run`"
    world.fill()
    _, numbers = world.collect()
    assert numbers["rows"] == 1
    assert "waits_for" not in numbers
