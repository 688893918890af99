"""`llm-twin replay`: what it refuses, in words that help; the whole play is seen in docs/replay.md."""

import pytest
from click.testing import CliRunner

from llm_twin_assets.cli import main
from resources.releases import Manifest, Releases

TWINS = "sources:\n- kind: folder\n  path: texts\ntwins:\n- name: ada\n  author: Ada Moss\n"
MANIFEST = Manifest("ada", "Ada Moss", "a1", "a1", "b", "b", "", "p", {}, "e", None)


@pytest.fixture
def called(tmp_path, monkeypatch):
    (tmp_path / "texts").mkdir()
    (tmp_path / "twins.yaml").write_text(TWINS)
    monkeypatch.setenv("LLM_TWIN_CONFIG", str(tmp_path / "twins.yaml"))

    def call(*options):
        result = CliRunner().invoke(main, ["replay", *options])
        assert result.exit_code == 2
        return result.stderr

    return call


def test_a_twin_that_is_not_deployed_is_refused_with_what_helps(called, tmp_path):
    assert called() == "twin ada is not deployed: run `llm-twin run --twin ada` first\n"
    assert not (tmp_path / "home" / "replay").exists()


def test_an_unknown_twin_is_refused(called):
    assert "no twin is named 'bob'" in called("--twin", "bob")


def test_a_mistake_in_the_stream_is_told_before_anything_is_copied(called, tmp_path):
    (tmp_path / "s.jsonl").write_text('{"hour": 0}\n')
    assert f"{tmp_path / 's.jsonl'}:1: hour: " in called("--stream", str(tmp_path / "s.jsonl"))


def test_a_home_that_shares_its_index_is_refused(called, tmp_path, monkeypatch):
    releases = Releases(tmp_path / "home")
    releases.desire("ada", releases.add(MANIFEST, {}))
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:1")
    assert "QDRANT_URL is set" in called()
    assert not (tmp_path / "home" / "replay").exists()
