"""Streams: what is read, what is written, and mistakes that are told with their line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.replay.stream import (
    Add,
    Ask,
    Feedback,
    Hours,
    NewDocument,
    Said,
    Scene,
    StreamError,
    read_stream,
    written,
)

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)
MAYBE = st.none() | WORDS
SAID = st.builds(Said, value=st.sampled_from([-1, 0, 1]), comment=MAYBE, correction=MAYBE)
EVENTS = st.one_of(
    st.builds(Scene, scene=WORDS),
    st.builds(Ask, ask=WORDS, thread=MAYBE),
    st.builds(Feedback, feedback=SAID),
    st.builds(Add, document=st.builds(NewDocument, path=st.none(), title=WORDS, text=WORDS)),
    st.builds(Hours, hour=st.integers(1, 1000)),
)


@pytest.fixture
def read(tmp_path):
    def from_lines(*lines):
        (tmp_path / "s.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return read_stream(tmp_path / "s.jsonl")

    return from_lines


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("streams") / "s.jsonl"


@given(events=st.lists(EVENTS, max_size=6))
def test_what_is_written_is_read_again(file, events):
    events = [Ask(ask="First?"), *events]
    file.write_text(written(events), encoding="utf-8")
    assert read_stream(file) == events


def test_a_sign_that_ends_a_line_elsewhere_does_not_end_one_here(file):
    events = [Ask(ask="Why\u2028and\x85how\x1dso?"), Hours(hour=2)]
    file.write_text(written(events), encoding="utf-8")
    assert read_stream(file) == events


def test_empty_lines_are_no_events(read):
    assert read("", '{"hour": 1}', "  ") == [Hours(hour=1)]


def test_a_document_beside_the_stream_is_found(read, tmp_path):
    (tmp_path / "new.md").write_text("# New")
    (event,) = read('{"document": {"path": "new.md"}}')
    assert event.document.path == tmp_path / "new.md"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not valid JSON"),
        ("[1]", "write an object with one of the fields scene, ask, feedback, document, hour"),
        ('{"question": "Why?"}', "write an object with one of the fields"),
        ('{"ask": "Why?", "hour": 1}', "write an object with one of the fields"),
        ('{"ask": ""}', "ask: String should have at least 1 character: correct the value"),
        ('{"ask": "Why?", "twin": "x"}', "twin: Extra inputs are not permitted: remove it"),
        ('{"hour": 0}', "hour: Input should be greater than or equal to 1"),
        ('{"hour": "soon"}', "hour: Input should be a valid integer"),
        ('{"feedback": {}}', "feedback: nothing is said"),
        ('{"feedback": {"value": 2}}', "feedback.value: Input should be -1, 0 or 1"),
        ('{"document": {"title": "T"}}', "document: give a path, or a title and a text"),
        ('{"document": {"title": "T", "text": "x", "path": "p"}}', "document: give a path, or a title"),
        ('{"document": {"path": "none.md"}}', "document.path: none.md does not exist"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_mend(read, tmp_path, line, told):
    with pytest.raises(StreamError) as raised:
        read('{"ask": "Why?"}', "", line)
    assert str(raised.value).startswith(f"{tmp_path / 's.jsonl'}:3: {told}")


def test_feedback_needs_an_answer_before_it(read, tmp_path):
    with pytest.raises(StreamError, match=r"s\.jsonl:1: feedback: nothing was answered yet"):
        read(json.dumps({"feedback": {"value": 1}}))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "s.jsonl").write_bytes(b"\xff")
    with pytest.raises(StreamError, match=r"s\.jsonl: cannot be read"):
        read_stream(tmp_path / "s.jsonl")
