"""A release leads back to its documents, through models that tell what they learned from."""

import json

import pytest
from click.testing import CliRunner

from llm_twin_assets.cli import main
from llm_twin_assets.contracts import document_id
from llm_twin_assets.lineage import lineage, releases
from resources.models import Model, ModelStore
from resources.releases import Manifest, Releases, UnknownRelease
from resources.store import Store, Table
from resources.twins import Twin, Twins
from tests.llm_twin_assets.serving.small import DOCUMENTS

BEES, HONEY = DOCUMENTS[0], DOCUMENTS[1]
LEFT = document_id("file:left.md")


@pytest.fixture
def twins(tmp_path):
    return Twins.model_construct(root=tmp_path, sources=[], twins=[Twin(name="ada", author="Ada Moss")])


@pytest.fixture
def world(tmp_path):
    import pandas as pd

    home = tmp_path / "home"
    store, models, stored = Store(home), ModelStore(home), Releases(home)
    store.materialize("cleaned_documents", "1", lambda: Table(pd.DataFrame([BEES, HONEY])))
    texts = [[BEES["document_id"], "h", 10], [HONEY["document_id"], "h", 10]]
    models.point("base_model", Model("b" * 64, "i", "models/base_model/b", {"trained_on": texts}))
    for version, learned in (("1" * 64, [BEES["document_id"], LEFT]), ("2" * 64, [BEES["document_id"]])):
        models.point("aligned_model", Model(version, "i", "models/x", {"trained_on": learned}), "ada")
    return {"store": store, "models": models, "releases": stored}


def release(world, adapter, parent=None, **about):
    manifest = Manifest(
        "ada", "Ada Moss", adapter, "models/x", "b" * 64, "models/b", "", "p", {}, "e" * 64, parent
    )
    return world["releases"].add(manifest, {"index_id": "i", **about})


def test_a_release_names_the_documents_of_both_models(world, twins):
    first = release(world, "1" * 64, evidence={"documents": 6})
    found = lineage(first, twins, world)
    assert (found["twin"], found["author"], found["parent"]) == ("ada", "Ada Moss", None)
    assert found["adapter_learned_from"] == sorted([f"{LEFT} (no longer in the store)", BEES["uri"]])
    assert found["base_learned_from"] == sorted([BEES["uri"], HONEY["uri"]])
    assert found["evidence"]["evidence"] == {"documents": 6}
    assert found["ancestors"] == []


def test_ancestors_are_led_back_to_the_first(world, twins):
    first = release(world, "1" * 64)
    second = release(world, "2" * 64, parent=first)
    third = release(world, "1" * 64, parent=second)
    assert lineage(third, twins, world)["ancestors"] == [second, first]


def test_every_release_is_listed_with_how_it_stands(world, twins):
    first = release(world, "1" * 64)
    second = release(world, "2" * 64, parent=first)
    world["releases"].desire("ada", second)
    world["releases"].quarantine("ada", first, "rolled back")
    listed = releases(twins, world["releases"])["ada"]
    assert [one["release_id"] for one in listed] == [first, second]
    assert [one["served"] for one in listed] == [False, True]
    assert [one["quarantined"] for one in listed] == [True, False]


def test_an_unknown_release_is_refused_with_those_there_are(world, twins):
    with pytest.raises(UnknownRelease, match="there are: none"):
        lineage("nope", twins, world)
    first = release(world, "1" * 64)
    with pytest.raises(UnknownRelease, match=f"there are: {first}"):
        lineage("nope", twins, world)


@pytest.fixture
def command(tmp_path, world, monkeypatch):
    (tmp_path / "twins.yaml").write_text(
        "sources:\n- kind: folder\n  path: .\ntwins:\n- name: ada\n  author: Ada Moss\n"
    )
    monkeypatch.setenv("LLM_TWIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLM_TWIN_CONFIG", str(tmp_path / "twins.yaml"))
    return lambda *options: CliRunner().invoke(main, ["lineage", *options])


def test_the_command_lists_and_leads_back(command, world):
    first = release(world, "1" * 64)
    assert first in command().stdout
    found = json.loads(command(first, "--json").stdout)
    assert BEES["uri"] in found["adapter_learned_from"]
    assert BEES["uri"] in command(first).stdout
    assert command("nope").exit_code == 2
