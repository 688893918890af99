"""The cache of a teacher's answers: nothing is paid for twice, also when the asking process is killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from resources.teacher import OpenAITeacher, TeacherError, UnusableAnswer, Usage
from resources.teacher_cache import CachedTeacher, Prompt, TeacherCache
from tests.resources.teacher_server import TeacherServer

SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
ROOT = Path(__file__).parents[2]
# Asks seven questions, one after the other.
ASKING = f"""
import sys
from pathlib import Path
from resources.teacher import OpenAITeacher
from resources.teacher_cache import CachedTeacher, Prompt, TeacherCache
teacher = CachedTeacher(OpenAITeacher(sys.argv[1], "small", None, 60), TeacherCache(Path(sys.argv[2])))
for number in range(7):
    print(teacher.ask(Prompt("1", "Answer.", f"Question {{number}}?", {SCHEMA!r}))["word"])
"""


class Counting(TeacherServer):
    """Counts tokens as a real server does, and answers with the question's last word.

    From the call `hangs_from` on it never answers: who is killed then has not been given the answer.
    """

    def __init__(self, hangs_from=None, usage=(10, 2)):
        super().__init__({"word": ""})
        self.hangs_from, self.tokens = hangs_from, usage
        self.hung, self.answered = threading.Event(), Counter()

    def reply(self, body):
        question = body["messages"][-1]["content"]
        if self.hangs_from is not None and len(self.calls) >= self.hangs_from:
            self.hung.set()
            threading.Event().wait(600)
        self.answered[question] += 1
        self.answers = [{"word": question.split()[-1]}]
        status, text, headers = super().reply(body)
        if self.tokens is None:
            return status, text, headers
        counted = dict(zip(("prompt_tokens", "completion_tokens"), self.tokens, strict=True))
        return status, json.dumps(json.loads(text) | {"usage": counted}), headers


@pytest.fixture
def serve():
    made = []

    def build(server):
        made.append(server)
        return server

    yield build
    for each in made:
        each.close()


def prompt(user="Which word?", **changed):
    return Prompt(**{"version": "1", "system": "Answer.", "user": user, "schema": SCHEMA} | changed)


def cached(server, home, model="small"):
    return CachedTeacher(OpenAITeacher(server.url, model, None, 20), TeacherCache(home))


def test_a_question_is_asked_once_also_by_another_process_later(serve, tmp_path):
    server = serve(Counting())
    assert cached(server, tmp_path).known(prompt()) is None
    assert [cached(server, tmp_path).ask(prompt()) for _ in range(3)] == [{"word": "word?"}] * 3
    assert cached(server, tmp_path).known(prompt()) == {"word": "word?"}
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"version": "2"},
        {"system": "Answer well."},
        {"user": "Which one?"},
        {"schema": SCHEMA | {"title": "x"}},
        {},
    ],
)
def test_another_question_or_model_is_asked(serve, tmp_path, changed):
    server = serve(Counting())
    cached(server, tmp_path).ask(prompt())
    cached(server, tmp_path, "small" if changed else "large").ask(prompt(**changed))
    assert len(server.calls) == 2


def test_a_useless_answer_is_not_paid_for_again(serve, tmp_path):
    server = serve(TeacherServer("no JSON"))
    for _ in range(2):
        with pytest.raises(UnusableAnswer, match="LLM_TWIN_TEACHER_MODEL"):
            cached(server, tmp_path).ask(prompt())
    assert len(server.calls) == 2
    assert cached(server, tmp_path).known(prompt()) == {}


def test_a_server_that_fails_is_asked_again(serve, tmp_path):
    server = serve(TeacherServer((401, "no", {}), {"word": "a"}))
    with pytest.raises(TeacherError):
        cached(server, tmp_path).ask(prompt())
    assert cached(server, tmp_path).ask(prompt()) == {"word": "a"}


def test_tokens_are_counted_over_all_requests_and_none_for_cached_answers(serve, tmp_path):
    teacher = cached(serve(Counting()), tmp_path)
    for user in ("One?", "Two?", "One?"):
        teacher.ask(prompt(user))
    assert teacher.usage == Usage(20, 4)


@pytest.mark.parametrize("tokens", [None, (None, 3), ("many", 3), (-5, -3)])
def test_a_server_that_does_not_count_is_no_error(serve, tmp_path, tokens):
    teacher = cached(serve(Counting(usage=tokens)), tmp_path)
    assert teacher.ask(prompt()) == {"word": "word?"}
    assert teacher.usage == Usage()


def test_no_text_of_a_prompt_lies_in_the_file(serve, tmp_path):
    cached(serve(Counting()), tmp_path).ask(prompt("A passage about marmalade, and its name?"))
    files = list(tmp_path.glob("teacher_cache.db*"))
    assert files
    assert not any(b"marmalade" in file.read_bytes() for file in files)
    with sqlite3.connect(tmp_path / "teacher_cache.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_killed_run_goes_on_where_it_was(serve, tmp_path):
    first, second = serve(Counting(hangs_from=4)), serve(Counting())
    command = [sys.executable, "-c", ASKING]
    running = subprocess.Popen([*command, first.url, str(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL)
    assert first.hung.wait(120)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait(60) == -signal.SIGKILL
    done = subprocess.run([*command, second.url, str(tmp_path)], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.split() == [f"{number}?".encode() for number in range(7)]
    assert first.answered + second.answered == {f"Question {number}?": 1 for number in range(7)}
    assert (first.answered.total(), second.answered.total()) == (3, 4)
