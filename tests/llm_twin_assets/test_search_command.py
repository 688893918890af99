"""`llm-twin search` on a real index, made with the packaged embedder."""

import json

import pytest
from click.testing import CliRunner

from llm_twin_assets.cli import main
from llm_twin_assets.retrieval.embedding import build_index
from resources.edge_store import EdgeStore
from resources.embedder import build_embedder
from resources.settings import Settings
from tests.llm_twin_assets.retrieval.words import chunk_row, chunk_table

TWINS = "sources:\n- kind: folder\n  path: .\ntwins:\n- name: ada\n  author: Ada Moss\n"
ROWS = [
    chunk_row("bees", 0, "Bees > Winter", "A hive hums in winter because the bees shiver.", "Ada Moss")
    | {"published_at": "2022-02-01"},
    chunk_row("frames", 0, "Frames > Wood", "Frames of pine warp less than frames of oak.", "Ada Moss")
    | {"published_at": "2024-02-01"},
    chunk_row(
        "arches", 0, "Bridges > Arches", "An arch stands because all stones want to fall.", "Ben Ferro"
    ),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searched")
    (folder / "twins.yaml").write_text(TWINS)
    vectors, embedder = EdgeStore(folder), build_embedder(Settings(home=folder, threads=1))
    vectors.publish(build_index(chunk_table(*ROWS), embedder, vectors, lambda _: None)[0]["index_id"])
    vectors.close()
    return folder


@pytest.fixture
def search(home, monkeypatch):
    monkeypatch.setenv("LLM_TWIN_HOME", str(home))
    monkeypatch.setenv("LLM_TWIN_CONFIG", str(home / "twins.yaml"))
    monkeypatch.setenv("LLM_TWIN_THREADS", "1")
    return lambda *options: CliRunner().invoke(main, ["search", *options])


def hits(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["hits"]


def test_passages_are_ranked_with_the_scores_of_each_retriever(search):
    found = hits(search("Why do bees hum in winter?", "--json"))
    assert [one["rank"] for one in found] == [1, 2, 3]
    assert found[0]["title"] == "bees"
    assert {"dense", "sparse", "hybrid"} <= set(found[0]["scores"])


def test_a_person_reads_blocks(search):
    result = search("Why do bees hum in winter?", "--k", "1")
    assert result.exit_code == 0
    assert " 1. bees > Bees > Winter" in result.stdout
    assert "A hive hums in winter" in result.stdout
    assert " 2. " not in result.stdout


@pytest.mark.parametrize(
    ("options", "titles"),
    [
        (["--twin", "ada"], {"bees", "frames"}),
        (["--author", "Ben Ferro"], {"arches"}),
        (["--since", "2023-01-01"], {"frames"}),
        (["--until", "2022-02-01"], {"bees"}),
        (["--twin", "ada", "--since", "2022-02-01", "--until", "2022-02-01"], {"bees"}),
        (["--platform", "folder", "--kind", "article"], {"bees", "frames", "arches"}),
        (["--kind", "post"], set()),
        (["--author", "Nobody"], set()),
    ],
)
def test_filters_narrow(search, options, titles):
    assert {one["title"] for one in hits(search("bees", "--json", *options))} == titles


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--twin", "nobody"], "no twin is named 'nobody'; the twins file has: ada"),
        (["--twin", "ada", "--author", "Ada Moss"], "give one of them"),
        (["--since", "yesterday"], "does not match the format '%Y-%m-%d'"),
        (["--k", "0"], "0 is not in the range"),
    ],
)
def test_what_cannot_be_searched_for_is_said(search, options, said):
    result = search("bees", *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_before_the_first_run_it_says_what_to_do(search, monkeypatch, tmp_path):
    monkeypatch.setenv("LLM_TWIN_HOME", str(tmp_path / "empty"))
    result = search("bees")
    assert result.exit_code == 1
    assert "run `llm-twin run`" in result.stderr
    assert not (tmp_path / "empty").exists(), "a search wrote something"


def test_a_search_leaves_every_file_as_it_was(search, home):
    def files():
        return {file: file.read_bytes() for file in home.rglob("*") if file.is_file()}

    before = files()
    hits(search("bees", "--json"))
    assert files() == before
