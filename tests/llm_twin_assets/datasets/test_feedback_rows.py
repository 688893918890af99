"""Feedback joins a dataset as the author's spans, at most a tenth, and the dataset's checks still hold."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import ACCEPTED_FEEDBACK, INSTRUCT_ROWS, conform
from llm_twin_assets.datasets.feedback_rows import (
    BY_FEEDBACK,
    PAIR_KIND,
    batches_of,
    is_feedback,
    joined,
    joined_pairs,
    own_rows,
    room,
)
from llm_twin_assets.datasets.leaks import leak_numbers
from llm_twin_assets.datasets.pair_faults import faults
from llm_twin_assets.datasets.preferences import preference_rows
from llm_twin_assets.datasets.provenance import not_verbatim
from llm_twin_assets.reasons import Reason
from tests.llm_twin_assets.monitoring.feedback_world import (
    ADA,
    DOCUMENTS,
    HELD,
    INSTRUCT,
    SENTENCES,
    dataset,
    question,
    said,
    trace,
)

DOCUMENT_IDS = list(DOCUMENTS["document_id"])
PAIRS = preference_rows(INSTRUCT, DOCUMENTS, "ada", ADA).rows


def feedback(count=6, batch="b1"):
    """Accepted rows: approved answers, and answers with a correction in the author's words."""
    traces = [trace(n, DOCUMENT_IDS[n % 6], first=n) for n in range(count)]
    corrected = [SENTENCES[DOCUMENT_IDS[(n + 1) % 6]][n + 9].text for n in range(count)]
    given = [said(n, -1, corrected[n]) if n % 2 else said(n, 1) for n in range(count)]
    return conform(dataset(traces, given, own=5000).rows.assign(batch=batch), ACCEPTED_FEEDBACK)


ACCEPTED = feedback()


def join(accepted=ACCEPTED, rows=INSTRUCT, documents=DOCUMENTS):
    return joined(rows, accepted, documents, ADA)


def only(made):
    """The one reason of everything that was left out."""
    return {reason for _, reason, _ in made.left}


def test_rows_join_and_every_check_of_the_dataset_still_holds():
    assert len(own_rows(INSTRUCT)) == len(INSTRUCT[INSTRUCT["split"] == "train"]) >= 60
    made = join()
    rows = conform(made.rows, INSTRUCT_ROWS)
    added = rows[is_feedback(rows)]
    assert len(added) == min(6, room(len(own_rows(INSTRUCT)))) > 3
    assert not_verbatim(rows, DOCUMENTS) == []
    assert leak_numbers(rows) == {"leaks/answers": 0.0, "leaks/instructions": 0.0}
    assert set(added["split"]) == {"train"}
    assert set(added["generator"]) == {f"{BY_FEEDBACK}b1"}
    assert added["instruction"].isin(ACCEPTED["instruction"]).all()
    assert rows[~is_feedback(rows)].reset_index(drop=True).equals(INSTRUCT)
    assert batches_of(ACCEPTED) == ["b1"]


def test_joining_twice_is_joining_once():
    made = join()
    again = join(rows=made.rows)
    assert again.rows.equals(made.rows)
    assert again.left == made.left
    assert len(own_rows(made.rows)) == len(own_rows(INSTRUCT))


@given(st.integers(0, 80), st.integers(0, 200), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_no_more_than_a_tenth_in_no_order(own, copies, draw):
    train = INSTRUCT[INSTRUCT["split"] == "train"]
    held = INSTRUCT[INSTRUCT["split"] != "train"]
    rows = pd.concat([train.head(own), held])
    many = pd.concat(
        [ACCEPTED.assign(row_id=[f"{n}-{one}" for one in ACCEPTED["row_id"]]) for n in range(copies)]
        or [ACCEPTED]
    )
    made = join(many, rows)
    assert is_feedback(made.rows).sum() <= 0.1 * len(own_rows(rows))
    assert made.rows["row_id"].is_unique
    mixed = join(many.sample(frac=1, random_state=draw.randrange(99)), rows)
    assert mixed.rows.equals(made.rows)


def test_more_than_the_room_is_left_out_and_said():
    made = join(rows=INSTRUCT[INSTRUCT["split"] == "train"].head(20))
    assert is_feedback(made.rows).sum() == 2
    assert only(made) == {Reason.SHARE_CAP}


def test_a_document_that_changed_moved_or_vanished_takes_its_rows_along():
    for documents in (
        DOCUMENTS.assign(text="Something else. " + DOCUMENTS["text"]),
        DOCUMENTS.assign(split="test"),
        DOCUMENTS.assign(withheld="source_code"),
        DOCUMENTS.assign(author="Somebody Else"),
        DOCUMENTS.iloc[:0],
    ):
        made = join(documents=documents)
        assert not is_feedback(made.rows).any()
        assert only(made) == {Reason.STALE_ROW}


def test_what_another_row_asks_is_not_asked_again():
    held = INSTRUCT[INSTRUCT["split"] == "test"]["instruction"].iloc[0]
    assert only(join(ACCEPTED.head(1).assign(instruction=held.upper(), kind="approved"))) == {
        Reason.REPEATED_INSTRUCTION
    }
    twice = pd.concat([ACCEPTED.head(1).assign(kind="approved")] * 2).assign(
        row_id=["1", "2"], instruction=[question(700), question(701)]
    )
    assert only(join(twice)) == {Reason.REPEATED_ANSWER}


def test_thirteen_words_of_a_held_out_answer_are_not_learned():
    held = INSTRUCT[INSTRUCT["split"] == "test"].iloc[1]
    shared = " ".join(held["answer"].split()[:30])
    text = DOCUMENTS["text"][0] + f"\n\n{shared}"
    row = ACCEPTED.head(1).assign(
        kind="approved",
        document_id=DOCUMENT_IDS[0],
        answer=shared,
        start=len(text) - len(shared),
        end=len(text),
    )
    documents = DOCUMENTS.assign(text=[text, *DOCUMENTS["text"][1:]])
    assert only(join(row, documents=documents)) == {Reason.SHARED_NGRAM}


def test_a_rejected_row_is_no_instruct_row():
    made = join(ACCEPTED.assign(kind="rejected"))
    assert not is_feedback(made.rows).any()
    assert made.left == []


def test_corrected_answers_join_the_pairs_and_have_no_fault():
    made = joined_pairs(PAIRS, ACCEPTED, DOCUMENTS, ADA)
    added = made.rows[made.rows["kind"] == PAIR_KIND]
    assert len(added) + len(made.left) == int(ACCEPTED["rejected"].notna().sum()) == 3
    assert len(added) >= 2
    assert faults(made.rows, DOCUMENTS) == []
    asked = ACCEPTED.set_index("row_id").loc[added["row_id"]]
    assert list(asked["answer"]) == list(added["chosen"])
    again = joined_pairs(made.rows, ACCEPTED, DOCUMENTS, ADA)
    assert again.rows.equals(made.rows)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rejected": "Too short."}, Reason.LENGTH_RATIO),
        ({"rejected_document_id": HELD["document_id"].iloc[0]}, Reason.STALE_ROW),
        ({"answer": "Nobody wrote this."}, Reason.STALE_ROW),
    ],
)
def test_a_pair_that_would_be_at_fault_is_left_out(change, reason):
    made = joined_pairs(PAIRS, ACCEPTED.assign(**change), DOCUMENTS, ADA)
    assert only(made) == {reason}
    assert made.rows.equals(PAIRS)


def test_a_pair_of_two_like_texts_is_none():
    same = ACCEPTED.assign(rejected=ACCEPTED["answer"], rejected_document_id=None)
    assert only(joined_pairs(PAIRS, same, DOCUMENTS, ADA)) == {Reason.TOO_LIKE_CHOSEN}
    assert len(joined_pairs(PAIRS.head(9), ACCEPTED, DOCUMENTS, ADA).rows) == 9
