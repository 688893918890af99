"""Who is compared on what, and the report; scores come from an earlier report, so no model is run."""

import dataclasses

import pytest

from llm_twin_assets.evaluation.evaluating import SCORING, Lineup, NotEvaluable, evaluate, line_up
from llm_twin_assets.evaluation.scoring import Candidate
from resources.models import ModelStore
from resources.releases import Manifest, Releases
from tests.llm_twin_assets.training import small

BASE = Candidate("base", "no/such/folder/base", "", None)
NEW = Candidate("new", "no/such/folder/base", "", "no/such/folder/new")
OLD = Candidate("old", "no/such/folder/other", "", "no/such/folder/old")
TEST = small.documents(*["test"] * 5)


def lineup(**changes):
    usual = {"champion": None, "release_id": None, "is_quarantined": False, "documents": TEST}
    return Lineup(**{"base": BASE, "challenger": NEW} | usual | changes)


def report(**per_byte):
    """A report in which each model needs so many bits per byte, a little different on each document."""
    scores = {
        version: {
            row["document_id"]: {
                "bits": 100 * (value + 0.001 * number),
                "bytes": 100,
                "content_hash": row["content_hash"],
            }
            for number, row in enumerate(TEST.to_dict("records"))
        }
        for version, value in per_byte.items()
    }
    return {"scoring": SCORING, "bits_per_byte": scores}


def test_better_than_the_base_is_promoted_where_there_is_no_champion():
    content, metadata = evaluate(lineup(), report(base=2.2, new=2.1), 1)
    assert (content["decision"], content["champion"], content["test_documents"]) == ("promote", None, 5)
    assert content["improvement"]["mean"] == pytest.approx(0.1)
    assert content["improvement"]["improved"] == 5
    assert content["over_champion"] is None
    assert set(content["bits_per_byte"]) == {"base", "new"}
    assert metadata["gain_over_base"] == pytest.approx(0.1)
    assert metadata["champion"] == "none"


@pytest.mark.parametrize(("old", "decision"), [(2.15, "promote"), (2.1, "keep"), (2.05, "keep")])
def test_a_champion_must_be_beaten(old, decision):
    content, _ = evaluate(lineup(champion=OLD, release_id="r1"), report(base=2.2, new=2.1, old=old), 1)
    assert (content["decision"], content["champion"]) == (decision, "r1")
    assert content["over_champion"]["mean"] == pytest.approx(old - 2.1)


@pytest.mark.parametrize("new", [2.2, 2.3])
def test_no_better_than_the_base_is_refused_also_beside_a_champion(new):
    champion = lineup(champion=OLD, release_id="r1")
    assert evaluate(champion, report(base=2.2, new=new, old=2.9), 1)[0]["decision"] == "refuse"


def test_the_champion_itself_is_kept_without_a_score():
    content, metadata = evaluate(lineup(champion=NEW, release_id="r1"), {}, 1)
    assert content["decision"] == "keep"
    assert content["improvement"] is None
    assert "not measured" in metadata["table"]


def test_the_champion_itself_keeps_the_scores_there_are():
    content, _ = evaluate(lineup(champion=NEW, release_id="r1"), report(base=2.2, new=2.1), 1)
    assert content["decision"] == "keep"
    assert content["improvement"]["mean"] == pytest.approx(0.1)


def test_without_a_test_document_nothing_is_run_and_the_answer_is_refuse():
    content, _ = evaluate(lineup(documents=TEST.iloc[:0]), {}, 1)
    assert content["decision"] == "refuse"
    assert "no test document" in content["reason"]


def test_scores_measured_another_way_are_not_used():
    with pytest.raises((OSError, ValueError)):
        evaluate(lineup(), report(base=2.2, new=2.1) | {"scoring": "another way"}, 1)


def test_the_inputs_follow_everything_a_decision_depends_on():
    changes = [
        {},
        {"base": dataclasses.replace(BASE, version="base2")},
        {"challenger": dataclasses.replace(NEW, version="new2")},
        {"champion": OLD, "release_id": "r1"},
        {"champion": OLD, "release_id": "r2"},
        {"is_quarantined": True},
        {"documents": TEST.iloc[:4]},
        {"documents": TEST.assign(content_hash="changed")},
    ]
    assert len({lineup(**change).inputs for change in changes}) == len(changes)
    assert lineup().inputs == lineup(documents=TEST.copy()).inputs


@pytest.fixture
def home(tmp_path):
    models = ModelStore(tmp_path)
    keep(models, "base_model", {"revision": ""})
    keep(models, "fine_tuned_model", {"base": models.current("base_model").version}, "ada")
    return tmp_path


def keep(models, asset, metadata, twin=None, text="{}"):
    def train(folder):
        (folder / f"{asset}.json").write_text(text)
        return metadata

    return models.keep(asset, "test", train, twin)


def manifest(adapter):
    return Manifest(
        twin="ada",
        author=small.AUTHOR,
        adapter=adapter.version,
        adapter_folder=adapter.folder,
        base="another base",
        base_folder="some/hub-id",
        base_revision="1234",
        prompt="",
        decoding={},
        evaluation="",
        parent=None,
    )


def lined_up(home, documents=TEST):
    return line_up(ModelStore(home), Releases(home), "ada", small.AUTHOR, documents)


def test_only_the_authors_test_documents_are_looked_at(home):
    documents = small.documents("train", "test", "validation", "test")
    documents.loc[3, "author"] = "Bo Rask"
    assert lined_up(home, documents).documents["document_id"].tolist() == [documents["document_id"][1]]


def test_the_champion_is_the_release_in_service_on_its_own_base(home):
    assert lined_up(home).champion is None
    adapter = ModelStore(home).current("fine_tuned_model", "ada")
    releases = Releases(home)
    releases.desire("ada", releases.add(manifest(adapter), {}))
    found = lined_up(home)
    assert found.release_id == releases.desired("ada")
    assert found.champion == Candidate(adapter.version, "some/hub-id", "1234", str(home / adapter.folder))
    assert found.contest.champion == found.contest.challenger


def test_a_rolled_back_adapter_is_known_to_be_in_quarantine(home):
    releases = Releases(home)
    release_id = releases.add(manifest(ModelStore(home).current("fine_tuned_model", "ada")), {})
    assert not lined_up(home).is_quarantined
    releases.quarantine("ada", release_id, "it was rolled back")
    assert lined_up(home).is_quarantined


def test_an_adapter_of_an_older_base_is_not_evaluated(home):
    keep(ModelStore(home), "base_model", {"revision": ""}, text="[]")
    with pytest.raises(NotEvaluable, match="base model changed"):
        lined_up(home)


def test_without_a_tuned_model_there_is_nothing_to_evaluate(tmp_path):
    with pytest.raises(NotEvaluable, match="no tuned model"):
        lined_up(tmp_path)
