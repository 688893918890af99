import dagster as dg
import pytest

from jobs.training_data import base_request, twin_requests
from resources.locks import Locks
from resources.twins import FileSource, Thresholds, Twin, Twins


@pytest.fixture
def locks(tmp_path):
    return Locks(tmp_path / "locks")


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def twins(tmp_path):
    pause = Thresholds(min_new_words=100, cooldown_minutes=0)
    names = {"ada": "Ada Vale", "bob": "Bob Hale"}
    return Twins(
        root=tmp_path,
        sources=[FileSource(kind="folder", path=tmp_path)],
        twins=[Twin(name=name, author=author, thresholds=pause) for name, author in names.items()],
    )


def _report(instance, asset, version, partition=None, inputs=None, **metadata):
    tags = {"dagster/data_version": version}
    tags |= {f"dagster/input_data_version/{name}": known for name, known in (inputs or {}).items()}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset, partition=partition, tags=tags, metadata=metadata)
    )


def _documents(instance, version, words):
    authors = {
        name: {"documents": 3, "train_words": count, "train_hash": f"{name}{count}"}
        for name, count in words.items()
    }
    _report(instance, "cleaned_documents", version, authors=authors)


def _trained(instance, partition, train_hash, train_words, base="b1"):
    _report(instance, "instruct_dataset", "x", partition, train_hash=train_hash, train_words=train_words)
    _report(instance, "fine_tuned_model", "m", partition, inputs={"base_model": base})


def _everything_trained(instance):
    _documents(instance, "d1", {"Ada Vale": 1000, "Bob Hale": 1000})
    _report(instance, "base_model", "b1", inputs={"cleaned_documents": "d1"})
    for name, author in (("ada", "Ada Vale"), ("bob", "Bob Hale")):
        _trained(instance, name, f"{author}1000", 1000)


def test_nothing_is_asked_before_there_are_documents(instance, twins, locks):
    assert base_request(instance, locks) == []
    assert twin_requests(instance, locks, twins) == []


def test_a_missing_base_is_asked_for_and_then_each_twin_with_its_key(instance, twins, locks):
    _documents(instance, "d1", {"Ada Vale": 1000, "Bob Hale": 1000})
    (base,) = base_request(instance, locks)
    assert base.job_name == "base_job"
    assert base.tags == {
        "llm_twin/trigger": "new_training_data",
        "llm_twin/reason": "the base model is missing",
        "llm_twin/documents_version": "d1",
        "llm_twin/train_words": "2000",
    }
    assert twin_requests(instance, locks, twins) == []
    _report(instance, "base_model", "b1", inputs={"cleaned_documents": "d1"})
    asked = twin_requests(instance, locks, twins)
    assert [(request.job_name, request.partition_key) for request in asked] == [
        ("twin_job", "ada"),
        ("twin_job", "bob"),
    ]
    assert asked[0].tags == {
        "llm_twin/trigger": "new_training_data",
        "llm_twin/reason": "the twin was never trained",
        "llm_twin/train_words": "1000",
        "llm_twin/base_version": "b1",
    }


def test_nothing_is_asked_when_nothing_changed(instance, twins, locks):
    _everything_trained(instance)
    assert base_request(instance, locks) == []
    assert twin_requests(instance, locks, twins) == []


def test_changed_documents_ask_for_the_base_first(instance, twins, locks):
    _everything_trained(instance)
    _documents(instance, "d2", {"Ada Vale": 2000, "Bob Hale": 1000})
    assert len(base_request(instance, locks)) == 1
    _report(instance, "base_model", "b1", inputs={"cleaned_documents": "d2"})
    assert base_request(instance, locks) == []


@pytest.mark.parametrize(("words", "asked"), [(1099, []), (1100, ["ada"]), (900, ["ada"]), (901, [])])
def test_a_twin_is_asked_for_from_its_threshold_on(instance, twins, words, asked, locks):
    _everything_trained(instance)
    _documents(instance, "d2", {"Ada Vale": words, "Bob Hale": 1000})
    requests = twin_requests(instance, locks, twins)
    assert [request.partition_key for request in requests] == asked
    changed = str(abs(words - 1000))
    assert all(request.tags["llm_twin/words_changed"] == changed for request in requests)
    assert all("100 are enough" in request.tags["llm_twin/reason"] for request in requests)


def test_a_new_base_asks_for_every_twin(instance, twins, locks):
    _everything_trained(instance)
    _report(instance, "base_model", "b2", inputs={"cleaned_documents": "d1"})
    assert [request.partition_key for request in twin_requests(instance, locks, twins)] == ["ada", "bob"]


def test_an_author_in_the_corpus_alone_trains_nothing(instance, twins, locks):
    _everything_trained(instance)
    _documents(instance, "d2", {"Ada Vale": 1000, "Bob Hale": 1000, "Somebody Else": 90_000})
    assert twin_requests(instance, locks, twins) == []


def test_a_twin_whose_author_has_no_training_words_waits(instance, twins, locks):
    _documents(instance, "d1", {"Ada Vale": 0})
    _report(instance, "base_model", "b1", inputs={"cleaned_documents": "d1"})
    assert twin_requests(instance, locks, twins) == []


def _run(instance, job, status, twin=None):
    tags = {"dagster/partition": twin} if twin else {}

    @dg.op
    def nothing() -> None: ...

    @dg.job(name=job)
    def made() -> None:
        nothing()

    instance.create_run_for_job(made, status=status, tags=tags)


def test_one_run_in_flight_for_a_twin_is_enough(instance, twins, locks):
    _everything_trained(instance)
    _report(instance, "base_model", "b2", inputs={"cleaned_documents": "d1"})
    _run(instance, "twin_job", dg.DagsterRunStatus.STARTED, "ada")
    assert [request.partition_key for request in twin_requests(instance, locks, twins)] == ["bob"]


def test_no_twin_is_trained_while_its_base_is(instance, twins, locks):
    _everything_trained(instance)
    _report(instance, "base_model", "b2", inputs={"cleaned_documents": "d1"})
    _run(instance, "base_job", dg.DagsterRunStatus.STARTED)
    assert twin_requests(instance, locks, twins) == []


def test_a_twin_pauses_after_a_run(instance, twins, locks):
    slow = twins.model_copy(
        update={
            "twins": [
                twin.model_copy(update={"thresholds": Thresholds(min_new_words=100, cooldown_minutes=5)})
                for twin in twins.twins
            ]
        }
    )
    _everything_trained(instance)
    _report(instance, "base_model", "b2", inputs={"cleaned_documents": "d1"})
    _run(instance, "twin_job", dg.DagsterRunStatus.FAILURE, "ada")
    assert [request.partition_key for request in twin_requests(instance, locks, slow)] == ["bob"]
    assert [request.partition_key for request in twin_requests(instance, locks, twins)] == ["ada", "bob"]
