"""The copy that a replay plays in: what is in it, what is not, and that the original is left alone."""

import contextlib
import os
import sqlite3

import pytest
from pydantic import SecretStr

from llm_twin_assets.replay.staging import COPIED, NotStaged, check, quiet_surroundings, stage
from llm_twin_assets.replay.stream import NewDocument
from resources.catalog import Catalog
from resources.settings import Settings
from resources.twins import load_twins

TWINS = """
sources:
- kind: folder
  path: texts
twins:
- name: ada
  author: Ada Vale
  public: [ada@example.org]
- name: bob
  author: Bob Hale
"""
KEPT = ["store/raw_documents/part.parquet", "models/base_model/current.json", "serving/desired/ada.json"]
LEFT = [
    "store/production_traces/ada/part.parquet",
    "store/drift_report/ada/reference.npz",
    "store/feedback_dataset/ada/part.parquet",
    "traces.db",
    "opik.db",
    "dagster/dagster.yaml",
    "serving/token",
    "alerts/known/a.json",
]


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.md").write_text("# A")
    (tmp_path / "twins.yaml").write_text(TWINS)
    for name in [*KEPT, *LEFT, "forgotten.json"]:
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return Settings(home=tmp_path / "home", config=tmp_path / "twins.yaml", alert_urls="json://somewhere")


@pytest.fixture
def made(settings):
    return stage(settings, load_twins(settings.config), "ada")


def _files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_was_made_of_documents_is_copied_and_traffic_and_history_are_not(made):
    assert _files(made.settings.home) == {*KEPT, "forgotten.json"}
    assert (made.settings.home / KEPT[0]).read_text() == KEPT[0]


def test_a_cache_in_use_is_copied_with_what_stands_in_its_log_alone(settings):
    with contextlib.closing(sqlite3.connect(settings.home / "teacher_cache.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE answers (text)")
        database.execute("INSERT INTO answers VALUES ('Bees.')")
        database.commit()
        home = stage(settings, load_twins(settings.config), "ada").settings.home
    with contextlib.closing(sqlite3.connect(home / "teacher_cache.db")) as copy:
        assert copy.execute("SELECT text FROM answers").fetchall() == [("Bees.",)]


def test_what_names_is_copied_before_what_it_names():
    order = ["serving/desired", "releases", "vectors", "models", "store", "sources"]
    assert sorted(order, key=COPIED.index) == order


def test_the_original_stays_as_it_is_but_for_the_folder_of_replays_and_a_lock(settings):
    before = _files(settings.home)
    stage(settings, load_twins(settings.config), "ada")
    after = {name for name in _files(settings.home) if not name.startswith(("replay/", "locks/"))}
    assert after == before


def test_a_second_replay_begins_anew(settings, made):
    (made.settings.home / "store" / "left.json").write_text("x")
    made.write(NewDocument(title="Old", text="Old."))
    again = stage(settings, load_twins(settings.config), "ada")
    assert _files(again.settings.home) == {*KEPT, "forgotten.json"}
    assert not _files(again.documents)


def test_nobody_outside_is_told_or_served(made):
    assert made.settings.alert_urls == []
    assert (made.settings.host, made.settings.port) == ("127.0.0.1", 0)


def test_documents_keep_their_names_and_new_ones_have_the_twins_author(settings, made):
    catalog = Catalog(made.twins, made.settings.home)
    (known, new) = made.twins.sources
    assert [file.name for file in catalog.files(known)] == ["texts/a.md"]
    assert made.write(NewDocument(title="Bees", text="They hum.")) == "Bees, 4 words"
    (file,) = catalog.files(new)
    assert file.path.read_text() == "# Bees\n\nThey hum.\n"
    assert new.author == "Ada Vale"


def test_a_document_of_a_file_is_copied(made, tmp_path):
    (tmp_path / "new.md").write_text("# New")
    assert made.write(NewDocument(path=tmp_path / "new.md")) == "new.md"
    assert (made.documents / "new.md").read_text() == "# New"


def test_only_the_played_twin_is_in_haste(made):
    ada, bob = made.twins.twins
    assert (ada.thresholds.cooldown_minutes, ada.thresholds.min_feedback) == (0, 5)
    assert ada.public == ["ada@example.org"]
    assert bob.thresholds.cooldown_minutes == 60


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"qdrant_url": "http://127.0.0.1:1", "qdrant_api_key": SecretStr("hidden-key")},
            "QDRANT_URL is set",
        ),
        ({"engine": "vllm"}, "LLM_TWIN_ENGINE is vllm"),
    ],
    ids=["qdrant", "engine"],
)
def test_what_a_copy_would_share_is_refused(settings, more, told):
    with pytest.raises(NotStaged, match=told) as raised:
        check(settings.model_copy(update=more))
    assert "hidden-key" not in str(raised.value)


def test_opik_is_taken_out_of_the_surroundings(monkeypatch):
    monkeypatch.setenv("OPIK_API_KEY", "k")
    monkeypatch.setenv("OPIK_URL_OVERRIDE", "")
    quiet_surroundings({"OPIK_URL_OVERRIDE": "http://127.0.0.1:1", "OTHER_THING": "x"})
    assert os.environ["OPIK_API_KEY"] == os.environ["OPIK_URL_OVERRIDE"] == ""
    assert "OTHER_THING" not in os.environ
