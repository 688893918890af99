"""Who is compared on what, and the report; scores come from an earlier report, so no model is run."""

import dataclasses

import pytest

from llm_twin_assets.evaluation import guarding
from llm_twin_assets.evaluation.evaluating import NotEvaluable, evaluate, line_up
from llm_twin_assets.evaluation.lineup import Asking, asking
from llm_twin_assets.evaluation.prompts import injected
from llm_twin_assets.evaluation.scoring import Candidate
from resources.models import ModelStore
from resources.releases import Manifest, Releases
from tests.llm_twin_assets.evaluation import written
from tests.llm_twin_assets.evaluation.written import BASE, NEW, OLD, TEST, answered, report
from tests.llm_twin_assets.training import small


def lineup(**changes):
    """Models that are scored and asked nothing."""
    return written.lineup(**{"asking": None} | changes)


def test_better_than_the_base_is_promoted_where_there_is_no_champion():
    content, metadata = evaluate(lineup(), report(base=2.2, new=2.1), 1)
    assert (content["decision"], content["champion"], content["test_documents"]) == ("promote", None, 6)
    assert content["improvement"]["mean"] == pytest.approx(0.1)
    assert content["improvement"]["improved"] == 6
    assert content["over_champion"] is None
    assert set(content["bits_per_byte"]) == {"base", "new"}
    assert metadata["gain_over_base"] == pytest.approx(0.1)
    assert metadata["champion"] == "none"


@pytest.mark.parametrize(("old", "decision"), [(2.15, "promote"), (2.1, "keep"), (2.05, "keep")])
def test_a_champion_must_be_beaten(old, decision):
    content, _ = evaluate(lineup(champion=OLD, release_id="r1"), report(base=2.2, new=2.1, old=old), 1)
    assert (content["decision"], content["champion"]) == (decision, "r1")
    assert content["over_champion"]["mean"] == pytest.approx(old - 2.1)


def test_worse_than_the_base_is_refused_also_beside_a_champion():
    champion = lineup(champion=OLD, release_id="r1")
    content, _ = evaluate(champion, report(base=2.2, new=2.3, old=2.9), 1)
    assert content["decision"] == "refuse"
    assert content["reason"].startswith("worse than the base model: -0.1000 bits per byte")


@pytest.mark.parametrize(("champion", "decision"), [(OLD, "keep"), (None, "refuse")])
def test_no_better_than_the_base_is_refused_where_there_is_no_champion_to_keep(champion, decision):
    release = {"champion": champion, "release_id": "r1" if champion else None}
    content, _ = evaluate(lineup(**release), report(base=2.2, new=2.2, old=2.9), 1)
    assert content["decision"] == decision
    assert "the same score as the base model on every item" in content["reason"]
    assert content["evidence"]["over_base"]["differing"] == 0


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


class Judge:
    model = "judge"


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
        {"learned": TEST[["author", "text", "content_hash"]]},
        {"hidden": frozenset()},
        {"asking": written.ASKING},
        {"asking": dataclasses.replace(written.ASKING, prompts=written.ASKING.prompts[1:])},
        {"asking": dataclasses.replace(written.ASKING, public=["ada"])},
        {"asking": dataclasses.replace(written.ASKING, index_id="another index")},
        {"asking": dataclasses.replace(written.ASKING, teacher=Judge())},
    ]
    assert len({lineup(**change).inputs for change in changes}) == len(changes)
    assert lineup().inputs == lineup(documents=TEST.copy()).inputs


GOOD = "The tide comes in slowly over the long grey sand."
VERSE = "A joiner measures twice, which is to say that he trusts neither his eye nor his rule."
LOOP = "round and round it goes " * 6


def decided(before, **changes):
    return evaluate(written.lineup(**changes), before, 1)[0]


def test_good_answers_let_the_bits_decide():
    found = decided(answered(written.lineup(), base=GOOD, new=GOOD))
    assert found["decision"] == "promote"
    assert {guard["verdict"] for guard in found["evidence"]["guards"]} == {"holds"}
    assert found["evidence"]["worthwhile"] == 0.01


@pytest.mark.parametrize(("old", "decision"), [(None, "promote"), (OLD, "keep")])
def test_a_guard_in_doubt_holds_back_only_where_a_champion_goes_on_serving(old, decision, monkeypatch):
    release = {"champion": old, "release_id": old and "r1"}
    bits = {"base": 2.2, "new": 2.1, "old": 2.15}
    before = answered(written.lineup(**release), bits, base=VERSE, old=VERSE, new=GOOD)
    seen = {guard["name"]: guard["change"]["mean"] for guard in decided(before, **release)["guards"]}
    # A margin in the middle of the interval: neither side of it is shown.
    at_the_mean = guarding.Guarded("rouge_l", 1, -seen["rouge_l"])
    monkeypatch.setattr(guarding, "GUARDED", [at_the_mean])
    found = decided(before, **release)
    assert [guard["verdict"] for guard in found["guards"]] == ["undecided"]
    assert found["decision"] == decision


def test_answers_that_loop_refuse_what_bits_would_promote():
    found = decided(answered(written.lineup(), base=GOOD, new=LOOP))
    assert found["decision"] == "refuse"
    assert "guard repeated_4grams fails" in found["reason"]


def test_the_guards_look_at_the_champion_where_there_is_one():
    release = {"champion": OLD, "release_id": "r1"}
    bits = {"base": 2.2, "new": 2.1, "old": 2.15}
    before = answered(written.lineup(**release), bits, base=LOOP, new=LOOP, old=GOOD)
    assert "guard repeated_4grams fails" in decided(before, **release)["reason"]
    before = answered(written.lineup(**release), bits, base=GOOD, new=LOOP, old=LOOP)
    assert decided(before, **release)["decision"] == "promote"


def test_an_obeyed_order_refuses():
    found = decided(answered(written.lineup(), base=GOOD, new=f"{GOOD} {injected()[1].canary}"))
    assert found["decision"] == "refuse"
    assert [one["kind"] for one in found["findings"]] == ["injection_obeyed"]


def test_the_champion_itself_shows_the_answers_there_are_and_needs_no_others():
    itself = {"champion": NEW, "release_id": "r1"}
    found = decided(answered(written.lineup(**itself), base=GOOD, new=GOOD), **itself)
    assert (found["decision"], found["arms"]["tuned"]["state"]) == ("keep", "measured")
    found = decided(report(base=2.2, new=2.1), **itself)
    assert found["decision"] == "keep"
    assert found["arms"]["tuned"]["state"].startswith("not generated")
    assert set(found["arms"]) == {"base", "tuned", "the author, held out"}


def test_a_report_carries_what_the_next_evaluation_needs():
    first = decided(answered(written.lineup(), base=GOOD, new=GOOD))
    assert decided(first) == first


@pytest.fixture
def home(tmp_path):
    models = ModelStore(tmp_path)
    keep(models, "base_model", {"revision": ""})
    keep(models, "aligned_model", {"base": models.current("base_model").version}, "ada")
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


def test_what_models_learned_and_what_retrieval_hides_come_from_the_splits(home):
    documents = small.documents("train", "test", "validation", "train")
    documents.loc[3, "author"] = "Bo Rask"
    found = lined_up(home, documents)
    assert sorted(found.learned["author"]) == [small.AUTHOR, "Bo Rask"]
    assert found.hidden == frozenset(documents["document_id"][1:3])
    assert found.texts_hash != lined_up(home, documents.iloc[:3]).texts_hash


def test_without_a_searcher_and_a_teacher_only_the_prompts_are_asked():
    found = asking(small.rows(written.DOCUMENTS), ["a"], None)
    assert (found.index_id, found.teacher, found.public) == (None, None, ["a"])
    assert found.prompts
    assert written.lineup().sight is None
    assert Asking().prompts == ()


def test_the_champion_is_the_release_in_service_on_its_own_base(home):
    assert lined_up(home).champion is None
    adapter = ModelStore(home).current("aligned_model", "ada")
    releases = Releases(home)
    releases.desire("ada", releases.add(manifest(adapter), {}))
    found = lined_up(home)
    assert found.release_id == releases.desired("ada")
    assert found.champion == Candidate(adapter.version, "some/hub-id", "1234", str(home / adapter.folder))
    assert found.contest.champion == found.contest.challenger


def test_a_rolled_back_adapter_is_known_to_be_in_quarantine(home):
    releases = Releases(home)
    release_id = releases.add(manifest(ModelStore(home).current("aligned_model", "ada")), {})
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
