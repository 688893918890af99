"""What the gate's decision turns into, and what may no longer be released."""

import json
from pathlib import Path

import pytest

from llm_twin_assets.serving.releasing import NotReleasable, released
from llm_twin_assets.training.prompt import PROMPT
from resources.models import Model
from resources.settings import Settings
from resources.twins import FileSource, Twin, Twins

TWINS = Twins(
    root=Path(), sources=[FileSource(kind="folder", path="x")], twins=[Twin(name="ada", author="Ada Moss")]
)


def evaluate(small, decision, champion=None, challenger=None, twin="ada"):
    report = {
        "decision": decision,
        "reason": "because of the numbers",
        "champion": champion,
        "challenger": challenger or small.models.current("aligned_model", twin).version,
    }
    inputs = json.dumps(report)
    return small.store.materialize_report("model_evaluation", inputs, lambda: (report, {}), twin).version


@pytest.fixture
def release(small):
    def made(**settings):
        chosen = Settings(home=small.home, **settings)
        return released(chosen, TWINS, small.store, small.models, small.releases, "ada")

    return made


def test_a_promoted_model_becomes_a_release_with_everything_that_made_it(small, release):
    adapter = small.adapter("first")
    evaluation = evaluate(small, "promote")
    manifest = small.releases.manifest("ada", release())
    assert manifest.author == "Ada Moss"
    assert (manifest.adapter, manifest.adapter_folder) == (adapter.version, adapter.folder)
    assert (manifest.base, manifest.base_folder) == (small.base.version, small.base.folder)
    assert (manifest.evaluation, manifest.parent, manifest.prompt) == (evaluation, None, PROMPT)
    assert manifest.decoding["generation"] == "grounded"
    assert not Path(manifest.adapter_folder).is_absolute()


def test_releasing_twice_is_releasing_once(small, release):
    small.adapter("first")
    evaluate(small, "promote")
    first = release()
    small.releases.desire("ada", first)
    assert release() == first
    assert small.releases.all("ada") == [first]


def test_the_settings_decide_how_a_new_release_answers(small, release):
    small.adapter("first")
    evaluate(small, "promote")
    assert small.releases.manifest("ada", release(generation="free")).decoding["generation"] == "free"


def test_a_later_release_names_its_parent(small, release):
    champion = small.release("first")
    small.adapter("second")
    evaluate(small, "promote", champion)
    assert small.releases.manifest("ada", release()).parent == champion


def test_keep_is_the_champion_again(small, release):
    champion = small.release("first")
    small.adapter("second")
    evaluate(small, "keep", champion)
    assert release(generation="free") == champion
    assert small.releases.all("ada") == [champion]


@pytest.mark.parametrize("champion", [None, "one"])
def test_refuse_is_no_release(small, release, champion):
    champion = small.release("first") if champion else None
    small.adapter("second")
    evaluate(small, "refuse", champion)
    with pytest.raises(NotReleasable, match=r"'refuse' for twin ada: because of the numbers"):
        release()
    assert len(small.releases.all("ada")) == bool(champion)


def test_keep_without_a_champion_is_no_release(small, release):
    small.adapter("first")
    evaluate(small, "keep")
    with pytest.raises(NotReleasable):
        release()


@pytest.mark.parametrize("decision", ["promote", "keep"])
def test_a_decision_about_another_champion_is_out_of_date(small, release, decision):
    old = small.release("first")
    new = small.release("second")
    small.adapter("third")
    evaluate(small, decision, old)
    with pytest.raises(NotReleasable, match=f"against release {old}, but should serve {new} now"):
        release()


def test_a_model_that_was_not_evaluated_is_not_released(small, release):
    small.adapter("second")
    evaluate(small, "promote", challenger=small.adapter("first").version)
    small.adapter("second")
    with pytest.raises(NotReleasable, match="not the one that was evaluated"):
        release()


def test_an_adapter_without_its_base_is_not_released(small, release):
    small.adapter("first")
    evaluate(small, "promote")
    small.models.point("base_model", Model("0" * 64, "inputs", small.base.folder))
    with pytest.raises(NotReleasable, match="base model changed"):
        release()


def test_what_was_rolled_back_is_not_promoted_again(small, release):
    champion, left = small.release("first"), small.release("second")
    small.releases.quarantine("ada", left, "it was bad")
    small.releases.desire("ada", champion)
    small.adapter("second")
    evaluate(small, "promote", champion)
    with pytest.raises(NotReleasable, match="was rolled back"):
        release()


def test_a_hub_base_keeps_its_revision(small, release):
    folder = small.home / small.adapter("first").folder
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(
        json.dumps(config | {"base_model_name_or_path": "org/base@1"})
    )
    small.models.point("base_model", Model("org/base@1", "inputs", "org/base"))
    evaluate(small, "promote")
    manifest = small.releases.manifest("ada", release(base_revision="abc123"))
    assert (manifest.base_folder, manifest.base_revision) == ("org/base", "abc123")
