"""An evaluation question is known again under small edits; other questions stay."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import CHUNKS, conform
from llm_twin_assets.datasets.decontamination import HeldOut, Questions, held_out
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.sources.reading import Refused
from tests.llm_twin_assets.monitoring.feedback_world import ADA, DOCUMENTS, EVALUATED, HELD, OUT, question


def is_evaluated(asked, out=OUT):
    try:
        out.check(asked)
    except Refused as refused:
        return str(refused.reason)
    return ""


@pytest.mark.parametrize(
    "edited",
    [
        "WHAT HAPPENS TO MY BOOKMARKS IF I GIVE ONE OF MY ESSAYS A DIFFERENT NAME ON DISK",
        "what happens, to my bookmarks — if I give one of my essays a different name on disk?!",
        "If I give one of my essays a different name on disk, what happens to my bookmarks?",
        "What happens to my bookmark if I give one of my essay different names on a disk?",
        "What happens to my links if I give one of my essays a different name on disk?",
        "What happens to my bookmarks if I give one of my essays a different title on disk?",
        "What hap\u200bpens to my book\u200bmarks if I give one of my es\u200bsays a different name on disk?",
        "What happens to my bookmarks if I give one of my essays a different name on disc?",
        "Ｗhat happens to my bookmarks if I give one of my essays a different name on disk?",
        "Hello there! I have wondered for weeks, and nobody at work can tell me: what happens to my "
        "bookmarks if I give one of my essays a different name on disk? Many thanks, greetings to the team.",
        "was my scanned paper refused, why",
        "Why was my scanned paper refused??",
    ],
)
def test_small_edits_do_not_hide_an_evaluation_question(edited):
    assert is_evaluated(edited) == "evaluation_question"


@pytest.mark.parametrize(
    "asked",
    [
        "What do you think of lanterns in winter?",
        "Why was the bridge never finished?",
        "How long does a walnut tree need before it bears?",
        "Where do I find my bookmarks?",
    ],
)
def test_other_questions_stay(asked):
    assert is_evaluated(asked) == ""


@given(st.sampled_from(EVALUATED), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_no_order_case_or_punctuation_of_words_hides_it(asked, draw):
    words = asked.split()
    draw.shuffle(words)
    changed = [
        draw.choice([str.upper, str.lower, str.title])(word) + draw.choice(["", ",", "!"]) for word in words
    ]
    assert is_evaluated(" ".join(changed)) == "evaluation_question"


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_nearness_is_symmetric(one, other):
    assert bool(Questions([one]).near(other)) == bool(Questions([other]).near(one))


def test_questions_without_content_are_near_only_to_themselves():
    known = Questions(["Why is it so?", "", question(1)])
    assert known.near("why is it so") == [0]
    assert known.near("?") == []
    assert known.near(question(1).upper()) == [2]
    assert known.near(question(2)) == []


def test_thirteen_words_of_held_out_text_are_found_in_question_and_answer():
    run = " ".join(HELD["text"].iloc[0].split()[8:24])
    assert is_evaluated(f"Who wrote: {run}?") == "shared_13_gram"
    with pytest.raises(Refused, match="13 words"):
        OUT.check("Who wrote this?", f"It says {run.upper()}")
    OUT.check("Who wrote this?", " ".join(run.split()[:12]))


def test_rows_headings_and_hand_written_questions_are_all_held_out(tmp_path):
    instruct = instruct_rows(DOCUMENTS, "ada", ADA).rows
    document = DOCUMENTS.iloc[0]
    start = document["text"].index("The")
    chunk = {
        **{name: document[name] for name in ("document_id", "content_hash", "title", "author", "uri")},
        **{name: document[name] for name in ("platform", "kind", "published_at")},
        **{"chunk_id": "c", "ordinal": 0, "start": start, "end": start + 60, "n_tokens": 9},
        **{
            "heading_path": "The mending of copper weathervanes",
            "text": document["text"][start : start + 60],
        },
    }
    file = tmp_path / "questions.yaml"
    quote = chunk["text"][:30]
    file.write_text(
        f"- {{question: Does salt harm old violins, uri: '{document['uri']}', quote: '{quote}'}}\n"
    )
    out = held_out(DOCUMENTS, instruct, conform(pd.DataFrame([chunk]), CHUNKS), file)
    assert is_evaluated("Old violins: does salt harm them?", out) == "evaluation_question"
    assert is_evaluated("the mending of copper weathervanes", out) == "evaluation_question"
    test = instruct[instruct["split"] == "test"].iloc[0]
    assert is_evaluated(test["instruction"].upper(), out) == "evaluation_question"
    assert isinstance(out, HeldOut)
    assert is_evaluated(" ".join(HELD["text"].iloc[1].split()[20:40]), out) == "shared_13_gram"
