"""The teacher over real HTTP: forms, repairs, retries, and errors that say what to mend."""

import pytest
from pydantic import SecretStr, ValidationError

from resources import teacher as module
from resources.answer_schema import faults
from resources.settings import Settings
from resources.teacher import MOST_TRIES, OpenAITeacher, TeacherError, build_teacher
from tests.resources.teacher_server import TeacherServer

SCHEMA = {
    "type": "object",
    "properties": {
        "colour": {"enum": ["red", "blue", None]},
        "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "names": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 2},
    },
    "required": ["colour", "day", "names"],
    "additionalProperties": False,
}
GOOD = {"colour": "red", "day": "2024-02-29", "names": ["ann"]}
KEY = "sk-" + "look" * 6


@pytest.fixture
def serve():
    made = []

    def build(*answers, **options):
        made.append(TeacherServer(*answers, **options))
        return made[-1]

    yield build
    for each in made:
        each.close()


@pytest.fixture
def slept(monkeypatch):
    pauses = []
    monkeypatch.setattr(module.time, "sleep", pauses.append)
    return pauses


def ask(server, url=None, key=None, timeout=20.0):
    secret = SecretStr(key) if key else None
    return OpenAITeacher(url or server.url, "small", secret, timeout).ask("Answer.", "Which?", SCHEMA)


def failed(server, **options):
    with pytest.raises(TeacherError) as caught:
        ask(server, **options)
    return str(caught.value)


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/", "/proxy", "/proxy/v1", "/v1/chat/completions"])
def test_an_answer_comes_whatever_form_the_address_has(serve, tail):
    server = serve(GOOD)
    assert ask(server, server.url + tail) == GOOD
    assert len(server.calls) == 1
    assert server.calls[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert server.calls[0]["messages"][-1] == {"role": "user", "content": "Which?"}


def test_the_key_is_sent_and_none_where_there_is_none(serve):
    server = serve(GOOD)
    ask(server, key=KEY + "\n")
    ask(server)
    assert server.keys == [f"Bearer {KEY}", None]


def test_json_in_a_code_fence_is_read(serve):
    text = '```json\n{"colour": null, "day": null, "names": []}\n```'
    assert ask(serve(text)) == {"colour": None, "day": None, "names": []}


def test_an_invalid_answer_goes_back_with_what_is_wrong(serve):
    server = serve(GOOD | {"colour": "green"}, GOOD)
    assert ask(server) == GOOD
    roles = [message["role"] for message in server.calls[1]["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert "green" in server.calls[1]["messages"][2]["content"]
    assert "colour: " in server.calls[1]["messages"][3]["content"]


@pytest.mark.parametrize(
    "bad", ["words", "[]", '"red"', {"colour": "red"}, GOOD | {"more": 1}, "[" * 100_000]
)
def test_two_invalid_answers_are_an_error(serve, bad):
    server = serve(bad)
    assert "LLM_TWIN_TEACHER_MODEL" in failed(server)
    assert len(server.calls) == 2


def test_a_server_without_schemas_is_asked_in_words_from_then_on(serve):
    server = serve(GOOD, schemas=False)
    teacher = OpenAITeacher(server.url, "small", None, 20)
    assert [teacher.ask("Answer.", "Which?", SCHEMA) for _ in range(2)] == [GOOD, GOOD]
    assert server.forms == ["json_schema", "json_object", "json_object"]
    assert "maxItems" in server.calls[1]["messages"][0]["content"]


def test_a_schema_is_tried_again_where_it_was_not_what_the_server_refused(serve):
    refusal = (400, '{"error": "context length"}', {})
    server = serve(refusal, refusal, GOOD)
    teacher = OpenAITeacher(server.url, "small", None, 20)
    with pytest.raises(TeacherError, match=r"context length.*LLM_TWIN_TEACHER_MODEL"):
        teacher.ask("Answer.", "Which?", SCHEMA)
    assert teacher.ask("Answer.", "Which?", SCHEMA) == GOOD
    assert server.forms == ["json_schema", "json_object", "json_schema"]


def test_a_busy_server_is_asked_again_when_it_says(serve, slept):
    server = serve((429, "busy", {"Retry-After": "7"}), (503, "down", {}), GOOD)
    assert ask(server) == GOOD
    assert slept == [7.0, 1.0]


def test_a_date_to_come_back_at_is_read(serve, slept):
    past = "Wed, 01 Jan 2020 00:00:00 GMT"
    assert ask(serve((503, "down", {"Retry-After": past}), GOOD)) == GOOD
    assert slept == [0.0]


def test_tries_and_pauses_are_bounded(serve, slept):
    server = serve((429, "busy", {"Retry-After": "86400"}))
    assert "429" in failed(server, timeout=20.0)
    assert len(server.calls) == MOST_TRIES
    assert slept == [20.0] * (MOST_TRIES - 1)


@pytest.mark.parametrize(
    ("status", "setting"),
    [(401, "API_KEY"), (403, "API_KEY"), (404, "MODEL"), (400, "MODEL"), (302, "URL"), (500, "later")],
)
def test_a_refusal_says_what_to_mend_and_hides_the_key(serve, slept, status, setting):
    said = failed(serve((status, f"you sent {KEY}", {"Location": "/x"})), key=KEY)
    assert f"answers {status}" in said
    assert setting in said
    assert KEY not in said


@pytest.mark.parametrize("body", ["<html>", "{}", '{"choices": []}', '{"choices": [{"message": null}]}'])
def test_what_is_no_completion_says_so(serve, body):
    assert "LLM_TWIN_TEACHER_URL" in failed(serve((200, body, {})))


def test_an_answer_without_end_is_cut(serve, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    assert "LLM_TWIN_TEACHER_URL" in failed(serve(GOOD | {"names": ["x" * 5000]}))


def test_nobody_there_names_the_setting_and_no_password(serve):
    server = serve(GOOD)
    address = server.url.replace("//", "//ann:word@")
    server.close()
    said = failed(server, url=address, key=KEY)
    assert "LLM_TWIN_TEACHER_URL" in said
    assert "word" not in said
    assert "LLM_TWIN_TEACHER_URL" in failed(server, url="nonsense")
    assert "LLM_TWIN_TEACHER_URL" in failed(server, url="http://[")


@pytest.mark.parametrize("key", [KEY + "\nX", KEY + "é"])
def test_a_key_that_cannot_be_sent_is_not_shown(serve, key):
    said = failed(serve(GOOD), key=key)
    assert "LLM_TWIN_TEACHER_API_KEY" in said
    assert KEY not in said


def test_there_is_a_teacher_only_where_one_is_set(serve):
    assert build_teacher(Settings()) is None
    with pytest.raises(ValidationError, match="name the model in LLM_TWIN_TEACHER_MODEL"):
        Settings(teacher_url="http://127.0.0.1:1")
    server = serve(GOOD)
    made = build_teacher(
        Settings(teacher_url=server.url, teacher_model="small", teacher_api_key=SecretStr(KEY))
    )
    assert made.model == "small"
    assert made.ask("Answer.", "Which?", SCHEMA) == GOOD
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"colour": 1}, "colour"),
        ({"day": "2023-02-29"}, "day"),
        ({"day": "20230228"}, "day"),
        ({"names": ["toolong"]}, "names"),
        ({"names": ["a", "b", "c"]}, "names"),
        ({"names": "a"}, "names"),
        ({"other": 1}, "other"),
    ],
)
def test_faults_name_their_place(change, place):
    assert faults(GOOD, SCHEMA) == []
    assert all(line.startswith(place) for line in faults(GOOD | change, SCHEMA))
    assert faults(GOOD | change, SCHEMA)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [("integer", 3, 3.5), ("number", 3.5, "3"), ("boolean", True, 1), ("null", None, 0), ("string", "", 1)],
)
def test_types_are_not_converted(kind, good, bad):
    assert faults(good, {"type": kind}) == []
    assert faults(bad, {"type": kind})
    assert faults(good, {"type": [kind, "null"]}) == []


def test_a_schema_that_cannot_be_checked_is_refused():
    with pytest.raises(ValueError, match="oneOf"):
        faults({}, {"type": "object", "oneOf": []})
