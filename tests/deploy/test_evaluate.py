"""The hand-written questions, asked of a server that finds some, declines some, or fails."""

import pytest
from click.testing import CliRunner

from tests.deploy.scripts import script, serving

evaluate = script("evaluate")

TWINS = """
sources: [{kind: folder, path: texts}]
twins: [{name: ada, author: Ada Vale}]
questions: questions.yaml
"""
QUESTIONS = """
- {question: "How is wax cleaned?", uri: texts/wax.md, quote: wax}
- {question: "How is honey kept?", uri: texts/honey.md, quote: honey}
- {question: "Who is the queen?", uri: texts/queen.md, quote: queen}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LLM_TWIN_CONFIG", str(tmp_path / "twins.yaml"))
    (tmp_path / "texts").mkdir()
    (tmp_path / "questions.yaml").write_text(QUESTIONS)
    (tmp_path / "twins.yaml").write_text(TWINS)
    return tmp_path / "twins.yaml"


def answered(path, headers, body):
    if "queen" in body["query"]:
        return 200, {"answer": "I have not written of it.", "citations": [], "declined": True}
    return 200, {"answer": "Warm it.", "citations": [{"uri": "file:texts/wax.md"}], "declined": False}


def evaluated(url, *more):
    return CliRunner().invoke(evaluate.main, ["--endpoint", url, *more])


def test_it_counts_what_was_found_and_what_was_declined_and_holds_to_a_floor(config):
    with serving(answered) as url:
        good, poor = evaluated(url, "--at-least", "0.3"), evaluated(url, "--at-least", "0.5")
    assert good.exit_code == 0, good.output
    assert good.output.splitlines()[2].startswith("| ada | 3 | 1 | 1 |")
    assert poor.exit_code == 1
    assert "less than 50% found: ada" in poor.output


def test_a_server_that_fails_is_no_evaluation(config):
    with serving(lambda *request: (503, {"error": {"message": "no release"}})) as url:
        done = evaluated(url)
    assert done.exit_code == 1
    assert "answered 503" in done.output


def test_a_twins_file_without_questions_says_what_to_add(config):
    config.write_text(TWINS.replace("questions: questions.yaml", ""))
    done = evaluated("http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "add `questions: PATH`" in done.output
