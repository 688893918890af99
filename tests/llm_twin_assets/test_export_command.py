"""`llm-twin export` on a home that holds one twin's dataset."""

import base64
import json

import pandas as pd
import pytest
from click.testing import CliRunner

from llm_twin_assets.contracts import CHUNKS, CLEANED_DOCUMENTS, conform, empty
from llm_twin_assets.datasets.card import keep_card
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.export_command import export
from resources.settings import Settings
from resources.store import Store, Table
from resources.twins import load_twins
from tests.llm_twin_assets.datasets.conftest import _row, passage
from tests.llm_twin_assets.hub import COMMIT

TOKEN = "hf_" + "look" * 6
TWINS = """
sources:
- {kind: folder, path: .}
twins:
- {name: ada, author: Ada Moor}
- {name: ben, author: Ben Ferro}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "twins.yaml").write_text(TWINS)
    twins, store = load_twins(tmp_path / "twins.yaml"), Store(tmp_path / "home")
    made = [_row(1, "Ada Moor", "train", passage(1)), _row(2, "Ada Moor", "test", passage(2))]
    found = conform(pd.DataFrame(made), CLEANED_DOCUMENTS)
    rows = instruct_rows(found, "ada", "Ada Moor").rows
    record = store.materialize("instruct_dataset", "1", lambda: Table(rows), "ada")
    store.materialize("cleaned_chunks", "1", lambda: Table(empty(CHUNKS)))
    keep_card(store, found, twins.twin("ada"), record.metadata)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    setup = (Settings(home=tmp_path / "home"), twins)
    return lambda *options: CliRunner().invoke(export, options, obj=setup)


def test_a_folder_gets_the_splits_and_the_card_and_keeps_what_else_it_has(run, tmp_path):
    folder = tmp_path / "given" / "away"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    result = run("ada", "--to", str(folder))
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(folder)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    assert names == ["README.md", "data/test.jsonl", "data/train.jsonl", "dataset_card.json", "mine.txt"]
    line = json.loads((folder / "data" / "train.jsonl").read_text().splitlines()[0])
    assert [one["role"] for one in line["messages"]] == ["user", "assistant"]
    assert "Ada Moor" in (folder / "README.md").read_text()


def test_a_push_is_one_commit_of_the_same_files(run, hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    told = json.loads(run("ada", "--push", "ada/voice", "--to", str(tmp_path / "files"), "--json").stdout)
    assert told["commit"] == COMMIT
    lines = [json.loads(line) for line in hub.calls[-1][1].splitlines()]
    sent = {line["value"]["path"]: line["value"]["content"] for line in lines if line["key"] == "file"}
    assert sorted(sent) == told["files"]
    for name, content in sent.items():
        assert base64.b64decode(content) == (tmp_path / "files" / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("ada",), "--to FOLDER, --push USER/NAME"),
        (("cid", "--to", "x"), "cid"),
        (("ben", "--to", "x"), "ben has no instruct dataset yet: `llm-twin run --twin ben` makes it"),
        (("ada", "--push", "no good/name/at all"), "--push no good/name/at all: "),
    ],
)
def test_what_cannot_be_done_is_said_and_writes_nothing(run, hub, tmp_path, monkeypatch, options, said):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.chdir(tmp_path)
    result = run(*options)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert not (tmp_path / "x").exists()


def test_a_push_needs_a_token(run, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    result = run("ada", "--push", "ada/voice")
    assert (result.exit_code, "set HF_TOKEN" in result.stderr) == (2, True)


@pytest.mark.parametrize("away", [True, False])
def test_a_hub_that_refuses_or_is_away_is_an_error_without_the_token(run, hub, monkeypatch, away):
    hub.answer = lambda path, body: (403, {"error": "no"})
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9" if away else hub.url)
    result = run("ada", "--push", "ada/voice")
    assert result.exit_code == 1
    assert "--push ada/voice: " in result.stderr
    assert TOKEN not in result.output + result.stderr
