"""What an answer's trace shows, and how a conversation's turns become one value."""

import json

import pandas as pd
import pytest

from llm_twin_assets.contracts import content_hash
from llm_twin_assets.evaluation.style import Style
from llm_twin_assets.serving.canary_scores import LEFT, Scorer, conversations, scorer, thumbs_of
from llm_twin_assets.serving.service import ClientGone, _why
from tests.llm_twin_assets.evaluation.test_style import NORA, VIKTOR
from tests.llm_twin_assets.serving.small import DOCUMENTS, chunks_of, document

BEES = DOCUMENTS[0]
CHUNKS = {chunk["chunk_id"]: chunk["text"] for chunk in chunks_of(DOCUMENTS)}
WINTER = next(chunk for chunk in chunks_of([BEES]) if "winter" in chunk["heading_path"])
SENTENCE = "A hive hums in winter because the bees shiver to keep their queen warm."
NO_STYLE = Style(None, None, {"style_score": "too little text"})
JUDGE = Scorer({one["document_id"]: one["text"] for one in DOCUMENTS}, CHUNKS, NO_STYLE)


def citation(quote=SENTENCE, document=BEES):
    start = document["text"].index(quote)
    return {
        "uri": document["uri"],
        "start": start,
        "end": start + len(quote),
        "document_id": document["document_id"],
        "chunk_id": WINTER["chunk_id"],
        "quote_hash": content_hash(quote),
    }


def row(answer=f"{SENTENCE} [1]", citations=None, trace="t1", thread=None, seconds=1.0, **more):
    """A trace as the store gives it: lists as JSON."""
    made = {
        "trace_id": trace,
        "thread_id": thread,
        "answer": answer,
        "declined": False,
        "error": None,
        "retrieved": json.dumps([{"chunk_id": WINTER["chunk_id"]}, {"chunk_id": "gone since"}]),
        "citations": json.dumps([citation()] if citations is None else citations),
        "timings_ms": json.dumps({"total": 1000 * seconds}),
    }
    return made | more


def test_a_true_quotation_is_as_good_as_can_be():
    found = JUDGE.score(row())
    assert found.quality == 1.0
    assert found.parts == {"failed": 0, "declined": 0, "grounded": 1, "verbatim": 1, "fluent": 1}
    assert found.seconds == 1.0


def test_what_stands_in_no_passage_costs():
    found = JUDGE.score(row(answer="Zebras calculate enormous spreadsheets underwater.", citations=[]))
    assert found.parts["grounded"] == 0
    assert found.quality < 0.5


def test_a_quotation_that_stands_elsewhere_costs():
    moved = citation() | {"start": 3}
    found = JUDGE.score(row(citations=[citation(), moved]))
    assert found.parts["verbatim"] == 0.5
    assert found.quality < 1


def test_a_document_that_is_gone_tells_nothing_of_its_quotation():
    gone = citation() | {"document_id": "gone"}
    assert "verbatim" not in JUDGE.score(row(citations=[gone])).parts


def test_repeating_oneself_costs():
    found = JUDGE.score(row(answer=" ".join(["The bees shiver to keep the queen warm."] * 6)))
    assert found.parts["fluent"] < 0.5
    assert found.quality < 1


def test_a_failed_answer_is_worth_nothing_and_a_declined_one_a_half():
    failed = JUDGE.score(row(error="EngineDown: gone", answer="A hive"))
    assert (failed.quality, failed.parts, failed.seconds) == (0.0, {"failed": 1.0}, None)
    declined = JUDGE.score(row(declined=True, answer="I would rather not guess.", citations=[]))
    assert declined.quality == 0.5
    assert declined.parts == {"failed": 0, "declined": 1}


def test_a_thumb_counts_where_there_is_one():
    up, down = JUDGE.score(row(), 1.0), JUDGE.score(row(), -1.0)
    assert (up.parts["thumbs"], down.parts["thumbs"]) == (1, 0)
    assert down.quality < JUDGE.score(row()).quality <= up.quality
    assert JUDGE.score(row(declined=True), 1.0).parts["thumbs"] == 1


def test_an_answer_without_a_word_is_still_told():
    found = JUDGE.score(row(answer="…", citations=[]))
    assert 0 <= found.quality <= 1


def test_turns_of_one_conversation_count_once():
    rows = [
        row(trace="a", thread="one", seconds=1.0),
        row(trace="b", thread="one", seconds=4.0, error=None),
        row(trace="c", thread="one", error="it broke"),
        row(trace="d"),
        row(trace="e", declined=True),
    ]
    arm, parts = conversations(rows, JUDGE, {"d": -1.0})
    assert len(arm) == 3
    assert arm.quality[0] == pytest.approx(2 / 3)
    assert list(arm.errors) == [pytest.approx(1 / 3), 0, 0]
    assert list(arm.seconds) == pytest.approx([2.0, 1.0, 1.0])
    assert list(arm.thumbs) == [0.0]
    assert parts["failed"] == pytest.approx(0.2)
    assert parts["declined"] == pytest.approx(0.25)
    assert parts["thumbs"] == 0


def test_a_conversation_that_only_failed_has_no_time():
    arm, _ = conversations([row(error="it broke")], JUDGE, {})
    assert (len(arm), list(arm.errors), len(arm.seconds)) == (1, [1.0], 0)


def test_whoever_left_is_not_counted():
    assert _why(ClientGone()) == LEFT
    arm, parts = conversations([row(error=LEFT)], JUDGE, {})
    assert (len(arm), parts) == (0, {})


def test_nobody_at_all_is_an_empty_arm():
    arm, parts = conversations([], JUDGE, {})
    assert len(arm) == len(arm.errors) == len(arm.seconds) == len(arm.thumbs) == 0
    assert parts == {}


def test_the_last_thumb_stands_and_words_alone_take_none_back():
    said = [("a", 1), ("a", -1), ("b", 1), ("b", 0), ("c", 1), ("c", None), ("d", None)]
    feedback = [{"trace_id": trace, "value": value} for trace, value in said]
    assert thumbs_of(feedback) == {"a": -1.0, "c": 1.0}


@pytest.fixture(scope="module")
def manual():
    """Two authors' documents, all of them to learn from but one of each."""
    rows = [
        document(f"file:{author}/{number}.md", author, text) | {"split": "train" if number else "test"}
        for author, texts in {"Nora Adeyemi": NORA, "Viktor": VIKTOR}.items()
        for number, text in enumerate(texts)
    ]
    return pd.DataFrame(rows)


def test_the_author_s_own_words_sound_more_like_the_author(manual):
    judge = scorer(manual, pd.DataFrame(chunks_of(manual.to_dict("records"))), "Nora Adeyemi")
    held = manual[manual["split"] == "test"].set_index("author")["text"]
    own, other = (judge.score(row(answer=held[name], citations=[])) for name in ("Nora Adeyemi", "Viktor"))
    assert own.parts["style"] > other.parts["style"]
    assert set(judge.documents) == set(manual["document_id"])
    assert judge.passages


def test_an_author_with_too_little_to_learn_from_is_judged_by_the_rest():
    judge = scorer(pd.DataFrame(DOCUMENTS), pd.DataFrame(chunks_of(DOCUMENTS)), "Ada Moss")
    assert "style" not in judge.score(row()).parts
    assert judge.score(row()).quality == 1.0


def test_a_short_answer_is_not_judged_by_its_style(manual):
    judge = scorer(manual, pd.DataFrame(chunks_of(DOCUMENTS)), "Nora Adeyemi")
    assert "style" not in judge.score(row()).parts
