"""Instruct rows: the author's own spans, one row per unit and class, the same on every run."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import INSTRUCT_ROWS, conform
from llm_twin_assets.datasets.instruct import GENERATOR, LEAST_REST, document_rows, instruct_rows
from llm_twin_assets.datasets.leaks import leak_numbers
from llm_twin_assets.datasets.templates import WHOLE
from llm_twin_assets.datasets.wordings import WORDINGS
from llm_twin_assets.documents.preparing import clean_documents
from llm_twin_assets.documents.rules import Rules
from llm_twin_assets.documents.shingles import normalised
from llm_twin_assets.reasons import Reason
from tests.llm_twin_assets.datasets.conftest import passage
from tests.prose import prose

ADA = "Ada Moor"


def article(*numbers, words=90):
    sections = [f"## The {passage(n)[:20].lower()} matter\n\n{passage(n, words)}" for n in numbers]
    return "# A title\n\n" + "\n\n".join(sections) + "\n"


def reasons(table):
    return sorted(table.rejected["reason"])


@pytest.fixture
def two(documents):
    return documents(
        (ADA, "train", article(1, 2)), (ADA, "test", article(3)), ("Bo Rask", "train", article(4, 5))
    )


def test_answers_are_the_authors_spans_and_the_split_is_the_documents(two):
    rows = instruct_rows(two, "ada", ADA).rows
    conform(rows, INSTRUCT_ROWS)
    texts = two.set_index("document_id")
    for row in rows.itertuples():
        assert texts.loc[row.document_id, "text"][row.start : row.end] == row.answer
        assert texts.loc[row.document_id, "split"] == row.split
        assert texts.loc[row.document_id, "author"] == ADA
        assert row.intent in WORDINGS
    assert set(rows["generator"]) == {GENERATOR}
    assert set(rows["split"]) == {"train", "test"}


def test_the_order_of_documents_changes_nothing(two):
    turned = instruct_rows(two.iloc[::-1].reset_index(drop=True), "ada", ADA)
    pd.testing.assert_frame_equal(turned.rows, instruct_rows(two, "ada", ADA).rows)


def test_a_new_document_changes_no_other_documents_rows(two, documents):
    more = documents(
        *[(row.author, row.split, row.text) for row in two.itertuples()], (ADA, "train", article(6))
    )
    before, after = instruct_rows(two, "ada", ADA).rows, instruct_rows(more, "ada", ADA).rows
    kept = after[after["row_id"].isin(before["row_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before)
    assert len(after) > len(before)


def test_a_unit_gives_at_most_one_row_of_a_class(two):
    rows = instruct_rows(two, "ada", ADA).rows
    units = rows[~rows["intent"].isin(["continue", *WHOLE])]
    assert not units.duplicated(["document_id", "start"]).any()
    assert not rows.duplicated(["document_id", "start", "intent"]).any()
    assert rows["intent"].value_counts()["continue"] == len(units) == 3


def test_a_continuation_shows_the_words_before_its_answer(documents):
    text = passage(1)
    rows = instruct_rows(documents((ADA, "train", text)), "ada", ADA).rows
    row = rows[rows["intent"] == "continue"].iloc[0]
    assert text[: row["start"]].strip() in row["instruction"]
    assert text[: row["start"]].strip().endswith(".")
    assert len(row["answer"].split()) >= LEAST_REST


def test_a_whole_document_is_an_article_or_when_short_a_post(documents):
    rows = instruct_rows(
        documents((ADA, "train", article(1, 2, 3, 4)), (ADA, "train", passage(5))), "ada", ADA
    )
    whole = rows.rows[rows.rows["intent"].isin(WHOLE)]
    assert sorted(whole["intent"]) == ["article", "post"]
    assert sorted(whole["answer"].str.len()) == [len(passage(5)), len(article(1, 2, 3, 4).strip())]


def test_a_heading_names_its_first_passage_and_key_phrases_the_rest(documents):
    text = f"# Walnut matters\n\n{passage(2, 160)}\n\n{passage(3, 160)}"
    rows = instruct_rows(documents((ADA, "train", text)), "ada", ADA).rows
    asked = rows[~rows["intent"].isin(["continue", *WHOLE])].sort_values("start")["instruction"].tolist()
    assert '"Walnut matters"' in asked[0]
    assert "Walnut matters" not in asked[1]


@pytest.mark.parametrize(
    ("heading", "named"),
    [
        ("🌳 II. Walnut matters", "Walnut matters"),
        ("3) Walnut matters", "Walnut matters"),
        ("A. Walnut matters", "Walnut matters"),
        (".walnut files", ".walnut files"),
        ("3.5 walnut trees", "3.5 walnut trees"),
        ("A walnut tree", "A walnut tree"),
    ],
)
def test_a_headings_number_and_picture_are_not_part_of_its_name(documents, heading, named):
    rows = instruct_rows(documents((ADA, "train", f"# {heading}\n\n{passage(2)}")), "ada", ADA).rows
    asked = rows[~rows["intent"].isin(["continue", *WHOLE])]["instruction"].item()
    assert f'"{named}"' in asked


@pytest.mark.parametrize("heading", ["Introduction", "Zebras and xylophones", passage(2)[:44]])
def test_a_heading_that_does_not_name_its_passage_is_not_used(documents, heading):
    rows = instruct_rows(documents((ADA, "train", f"# {heading}\n\n{passage(2)}")), "ada", ADA).rows
    asked = rows[~rows["intent"].isin(["continue", *WHOLE])]["instruction"].item()
    assert heading not in asked


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Too few words.", Reason.UNIT_TOO_SHORT),
        ("    code = 1\n" * 40, Reason.NOT_PROSE),
        (f"As shown above, {passage(1)}", Reason.DEPENDS_ON_CONTEXT),
        (f"It {passage(1)}", Reason.DEPENDS_ON_CONTEXT),
        ("# Only\n\n## Headings", Reason.NOT_PROSE),
    ],
)
def test_what_is_left_out_has_a_named_reason(documents, text, reason):
    table = instruct_rows(documents((ADA, "train", text)), "ada", ADA)
    assert reasons(table) == [reason]
    asked = table.rows[~table.rows["intent"].isin(["continue", *WHOLE])]
    assert asked.empty


def test_a_passage_that_leans_on_context_still_gives_a_continuation(documents):
    rows = instruct_rows(documents((ADA, "train", f"It {passage(1)}")), "ada", ADA).rows
    assert sorted(rows["intent"]) == ["continue", "post"]


def test_a_repeated_answer_stays_in_training_and_leaves_the_test(documents):
    table = instruct_rows(
        documents((ADA, "test", passage(1)), (ADA, "train", passage(1).upper())), "ada", ADA
    )
    assert set(table.rows["split"]) == {"train"}
    assert reasons(table) == [Reason.REPEATED_ANSWER]


def test_numbers_for_sensors_are_those_of_the_documents_stage(documents):
    given = documents(
        (ADA, "train", prose(1, 20)), (ADA, "test", prose(2, 20)), (ADA, "train", "A few words.")
    )
    cleaned = clean_documents(given, given, Rules())
    assert cleaned.rows["withheld"].notna().sum() == 1
    table = instruct_rows(cleaned.rows, "ada", ADA)
    for name in ("train_words", "train_hash", "documents"):
        assert table.metadata[name] == cleaned.metadata["authors"][ADA][name]
    assert table.metadata["train_words"] > 0
    assert table.metadata["rows/train"] + table.metadata["rows/test"] == len(table.rows)


def test_an_author_without_documents_gives_an_empty_table(two):
    table = instruct_rows(two, "cy", "Cy Noone")
    assert table.rows.empty
    assert table.metadata["train_words"] == 0


@given(st.text(min_size=1, max_size=400), st.text(max_size=20))
@settings(max_examples=60)
def test_any_document_gives_rows_that_stand_at_their_offsets(text, title):
    rows, left = document_rows("id", title, text + "\n\n" + passage(1), set())
    whole = text + "\n\n" + passage(1)
    for row in rows:
        answer = whole[row.start : row.end]
        assert answer == answer.strip() != ""
        assert row.topic.strip()
    assert rows or left


def test_rows_that_would_ask_the_same_ask_in_other_words(documents):
    text = "## The {} matter\n\n{}"
    same = [
        (ADA, split, text.format("walnut", passage(2 + at)))
        for at, split in enumerate(["test", "train"] * 12)
    ]
    rows = instruct_rows(documents(*same), "ada", ADA).rows
    asked = rows[rows["instruction"].str.contains("walnut matter")]
    assert len(asked) > 5
    assert not rows["instruction"].map(normalised).duplicated().any()


def test_what_no_wording_is_left_for_is_named(documents):
    heading = "## Why is the walnut here?\n\n"
    wordings = sum(map(len, WORDINGS["question"].values()))
    many = [(ADA, "train", heading + "Walnut " + prose(number, 9)) for number in range(wordings + 2)]
    table = instruct_rows(documents(*many), "ada", ADA)
    assert table.rows["intent"].value_counts()["question"] == wordings
    assert reasons(table) == [Reason.REPEATED_INSTRUCTION] * 2


def test_training_rows_that_share_thirteen_words_with_a_held_out_answer_are_dropped(documents):
    shared = " ".join(prose(7, 1).split()[:13])
    train, held = f"{prose(1, 9)} {shared} {prose(2, 1)}", f"{prose(3, 9)}\n{shared.upper()} {prose(4, 1)}"
    table = instruct_rows(documents((ADA, "train", train), (ADA, "validation", held)), "ada", ADA)
    assert set(table.rows["split"]) == {"validation"}
    assert set(reasons(table)) == {Reason.SHARED_NGRAM}
    assert " ".join(normalised(shared).split()[1:]) in table.rejected["detail"].iloc[0]
    apart = instruct_rows(documents((ADA, "train", prose(1, 9)), (ADA, "validation", held)), "ada", ADA)
    assert set(apart.rows["split"]) == {"train", "validation"}
    assert leak_numbers(apart.rows) == {"leaks/answers": 0.0, "leaks/instructions": 0.0}
