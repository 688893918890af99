"""The pieces in which a stream arrives do not change what it says, and half a stream is none."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.serving.completion_stream import MOST_LINE_BYTES, Chunk, StreamFault, chunks
from llm_twin_assets.serving.engine import Usage
from tests.llm_twin_assets.serving.openai_server import READ, events

GOOD = b"".join(events("base", ["Why", " not", " – ü?"]))


def text(found):
    return "".join(chunk.text for chunk in found)


@given(st.lists(st.text()), st.lists(st.integers(0, 2000)))
def test_it_says_the_same_wherever_it_is_cut_into_pieces(said, cuts):
    whole = b"".join(events("base", said))
    places = [0, *sorted(min(at, len(whole)) for at in cuts), len(whole)]
    found = list(chunks(whole[a:b] for a, b in pairwise(places)))
    assert text(found) == "".join(said)
    assert [chunk.finish for chunk in found if chunk.finish] == ["stop"]
    assert [chunk.usage for chunk in found if chunk.usage] == [Usage(READ, len(said))]


def test_comments_other_fields_and_other_line_ends_are_read_past():
    stream = GOOD.replace(b"\n\n", b"\r\n\r\n: ping\r\nevent: message\r\n")
    assert text(chunks([stream])) == "Why not – ü?"


def test_a_stream_is_read_to_its_end_so_that_its_connection_can_be_used_again():
    left = iter([GOOD, b"\n", b"\n"])
    assert text(chunks(left)) == "Why not – ü?"
    assert next(left, None) is None


def test_usage_without_done_and_chunks_without_text_are_enough():
    plain = b"".join(events("base", ["a"], cut=True, counts=False)).removesuffix(b"data: [DONE]\n\n")
    assert list(chunks([plain])) == [Chunk(), Chunk("a"), Chunk("", "length")]


@pytest.mark.parametrize("at", [0, 40, GOOD.index(b" not"), GOOD.index(b'"stop"')])
def test_half_a_stream_is_a_fault(at):
    with pytest.raises(StreamFault, match="ended before"):
        list(chunks([GOOD[:at]]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (json.dumps({"error": {"message": "the GPU is gone"}}), "the GPU is gone"),
        ("{", "no chunk"),
        ("[]", "no chunk"),
        ("7", "no chunk"),
        ('{"choices": 7}', "no chunk"),
        ('{"choices": [7]}', "no chunk"),
        ('{"choices": [], "usage": {"prompt_tokens": "x"}}', "no chunk"),
        ("[" * 100_000, "no chunk"),
    ],
)
def test_what_is_no_chunk_is_a_fault_that_says_so(line, said):
    with pytest.raises(StreamFault, match=said):
        list(chunks([f"data: {line}\n\n".encode()]))


def test_a_line_without_an_end_is_not_kept():
    with pytest.raises(StreamFault, match="no end"):
        list(chunks([b"data: " + b"x" * MOST_LINE_BYTES] * 2))


@given(st.binary())
def test_any_bytes_are_chunks_or_a_fault(content):
    with pytest.raises(StreamFault):
        list(chunks([content]))
