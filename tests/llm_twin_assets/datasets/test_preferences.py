"""Preference pairs: the author's own span beside a text that is worse in a known way, of a like length."""

import re
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import PREFERENCE_KINDS, PREFERENCE_ROWS, SPLITS, conform
from llm_twin_assets.datasets.contrasts import (
    LEAST_DIFFERENCE,
    LENGTH_RATIO,
    MOST_USES,
    Passage,
    difference,
    fitted,
    is_like_long,
    truncated,
)
from llm_twin_assets.datasets.feedback_rows import joined
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.datasets.pair_faults import faults
from llm_twin_assets.datasets.preferences import LARGEST_SHARE, preference_rows
from llm_twin_assets.datasets.templates import WHOLE
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.reading import Refused
from tests.llm_twin_assets.datasets.conftest import _row
from tests.llm_twin_assets.datasets.test_feedback_rows import feedback
from tests.llm_twin_assets.monitoring.feedback_world import DOCUMENTS, INSTRUCT
from tests.prose import prose

ADA, BO = "Ada Moor", "Bo Rask"
REMARKS = ("I don't think we've seen that.", "But it's odd; you'd know!", "Why do we say so? I won't tell.")


def letter(seed, remarks=True, sentences=6):
    """A passage of about 100 words; with remarks it has a voice that flattening takes out."""
    said = re.findall(r"[^.]+\.", prose(seed, sentences))
    return "".join(one + (f" {REMARKS[n % 3]}" if remarks else "") for n, one in enumerate(said)).strip()


def article(*seeds, remarks=True):
    return "\n\n".join(f"## On part {seed}\n\n{letter(seed, remarks)}" for seed in seeds)


@pytest.fixture
def corpus(documents):
    """Two authors with documents in every split; cleaned documents, and Ada's instruct rows."""
    given = documents(
        *[(ADA, "train", article(n, n + 1, n + 2)) for n in (10, 20, 30)],
        *[(ADA, split, article(n, n + 1)) for n, split in ((40, "test"), (50, "test"), (60, "validation"))],
        *[(BO, split, article(n, n + 1, n + 2)) for n, split in ((70, "train"), (80, "test"), (90, "train"))],
        (BO, "validation", article(100, 101)),
    )
    return given, instruct_rows(given, "ada", ADA).rows


def pairs(corpus, answers=None):
    documents, instruct = corpus
    return preference_rows(instruct, documents, "ada", ADA, answers)


def passages(instruct):
    return instruct[~instruct["intent"].isin([*WHOLE, "continue"])]


def words(text):
    return len(text.split())


def test_the_chosen_text_is_the_authors_span_and_the_rejected_of_the_same_split(corpus):
    rows = conform(pairs(corpus).rows, PREFERENCE_ROWS)
    texts = corpus[0].set_index("document_id")
    asked = passages(corpus[1]).set_index(["document_id", "start"])
    for row in rows.itertuples():
        chosen, worse = texts.loc[row.document_id], texts.loc[row.rejected_document_id]
        assert chosen["text"][row.start : row.end] == row.chosen != row.rejected
        assert row.split == chosen["split"] == worse["split"]
        assert asked.loc[(row.document_id, row.start), "instruction"] == row.instruction
        assert chosen["author"] == ADA
        if row.kind != "flattened":
            assert row.rejected in worse["text"]
    assert set(rows["split"]) == set(SPLITS)


def test_each_kind_is_what_it_says(corpus):
    rows = pairs(corpus).rows
    texts = corpus[0].set_index("document_id")
    source = texts.loc[rows["rejected_document_id"]].reset_index()
    other, same = rows["kind"] == "other_author", rows["document_id"] == rows["rejected_document_id"]
    assert set(source[other.to_numpy()]["author"]) == {BO}
    assert set(source[~other.to_numpy()]["author"]) == {ADA}
    assert (same == rows["kind"].isin(["flattened", "truncated"])).all()
    for row in rows[rows["kind"] == "truncated"].itertuples():
        assert row.chosen.startswith(row.rejected)
        assert row.rejected[-1].isalpha()
        assert 0.7 <= words(row.rejected) / words(row.chosen) <= 0.85
    assert not rows[rows["kind"] == "flattened"]["rejected"].str.contains(r"\bI\b|n't").any()
    assert set(rows["kind"]) == set(PREFERENCE_KINDS) - {"base_model"}


def test_lengths_and_words_and_shares_keep_to_their_bounds(corpus):
    rows = pairs(corpus).rows
    for row in rows.itertuples():
        assert LENGTH_RATIO[0] <= words(row.rejected) / words(row.chosen) <= LENGTH_RATIO[1]
        assert difference(row.chosen, row.rejected) >= LEAST_DIFFERENCE
    for split in SPLITS:
        kinds = rows[rows["split"] == split]["kind"].value_counts()
        assert kinds.max() <= LARGEST_SHARE * kinds.sum()
    assert not rows.duplicated(["document_id", "start", "kind"]).any()
    borrowed = rows[rows["kind"].isin(["other_author", "off_topic"])]
    starts = zip(borrowed["kind"], borrowed["rejected"].str[:60], strict=True)
    assert max(Counter(starts).values()) <= MOST_USES


@given(st.randoms(use_true_random=False))
@settings(max_examples=5, deadline=None)
def test_no_order_of_rows_changes_a_pair(shuffled):
    documents, instruct = _two_authors()
    expected = preference_rows(instruct, documents, "ada", ADA)
    turned = [frame.iloc[shuffled.sample(range(len(frame)), len(frame))] for frame in (instruct, documents)]
    again = preference_rows(*turned, "ada", ADA)
    pd.testing.assert_frame_equal(again.rows, expected.rows)
    pd.testing.assert_frame_equal(again.rejected, expected.rejected)
    assert again.metadata == expected.metadata


def test_the_other_author_is_the_nearest_in_topic_and_off_topic_the_farthest(documents):
    sea = " ".join(f"The {word} guards a reef." for word in ("lighthouse", "foghorn", "lamp", "beacon"))
    given = documents(
        *[(ADA, "train", f"{letter(n)} {sea}") for n in (1, 2, 3)],
        *[(ADA, "train", letter(n)) for n in (4, 5)],
        *[(BO, "train", letter(n, remarks=False, sentences=12)) for n in (6, 7)],
        (BO, "train", f"{sea} {letter(8, remarks=False, sentences=12)}"),
    )
    rows = preference_rows(instruct_rows(given, "ada", ADA).rows, given, "ada", ADA).rows
    names = given["document_id"]
    first = rows[rows["document_id"] == names[0]].set_index("kind")["rejected_document_id"]
    assert first["other_author"] == names[7]
    assert first["off_topic"] in set(names[3:5])


def test_nothing_of_a_cluster_or_of_a_withheld_document_is_rejected_text(corpus):
    documents, instruct = corpus
    joined = documents.copy()
    joined.loc[joined["author"].eq(ADA) & joined["split"].eq("train"), "cluster_id"] = "one"
    hidden = joined["author"].eq(BO) & joined["split"].eq("train")
    joined.loc[hidden.idxmax(), "withheld"] = "guest_byline"
    rows = preference_rows(instruct, joined, "ada", ADA).rows
    train = rows[rows["split"] == "train"]
    assert "off_topic" not in set(train["kind"])
    assert len(train) > 0
    assert set(rows["rejected_document_id"]) <= set(learnable(joined)["document_id"])


def test_answers_of_the_base_model_are_cut_to_length_and_paired(corpus):
    asked = passages(corpus[1]).sort_values("row_id")
    long, short, same = asked["row_id"].iloc[:3]
    answers = {long: prose(7, 40), short: "A few words only.", same: asked["answer"].iloc[2], "unknown": "x"}
    table = pairs(corpus, answers)
    made = table.rows[table.rows["kind"] == "base_model"]
    assert made["chosen"].tolist() == [asked["answer"].iloc[0]]
    assert made["rejected_document_id"].isna().all()
    assert prose(7, 40).startswith(made["rejected"].item())
    left = table.rejected[table.rejected["detail"].str.startswith("base_model")].set_index("item_id")[
        "reason"
    ]
    assert left[short] == Reason.LENGTH_RATIO
    assert left[same] == Reason.TOO_LIKE_CHOSEN


def test_every_passage_and_kind_is_a_pair_or_is_left_out_with_a_reason(corpus):
    table = pairs(corpus)
    kinds = table.rejected["detail"].str.split(":").str[0]
    assert set(kinds) <= set(PREFERENCE_KINDS)
    assert len(table.rows) + len(table.rejected) == 4 * len(passages(corpus[1]))
    assert sum(
        table.metadata[f"pairs/{kind}/{split}"] for kind in PREFERENCE_KINDS for split in SPLITS
    ) == len(table.rows)
    assert LENGTH_RATIO[0] <= table.metadata["length_ratio"] <= LENGTH_RATIO[1]


def test_a_kind_above_the_largest_share_is_capped(corpus):
    documents, instruct = corpus
    alone = documents[documents["author"] == ADA]
    table = preference_rows(instruct, alone, "ada", ADA)
    assert Reason.KIND_CAP in set(table.rejected["reason"])
    assert "validation" not in set(table.rows["split"]), "two kinds cannot keep to 40 %"
    assert "train" in set(table.rows["split"])


def test_a_row_whose_document_has_changed_is_left_out(corpus):
    documents, instruct = corpus
    moved = documents.assign(text=["# New\n\n" + text for text in documents["text"]])
    table = preference_rows(instruct, moved, "ada", ADA)
    assert table.rows.empty
    assert set(table.rejected["reason"]) == {Reason.STALE_ROW}


def test_no_rows_give_an_empty_table(corpus):
    documents, instruct = corpus
    table = preference_rows(instruct.iloc[:0], documents, "ada", ADA)
    assert table.rows.empty
    conform(table.rows, PREFERENCE_ROWS)


@given(st.integers(0, 500), st.integers(1, 30), st.integers(1, 400))
def test_a_text_is_cut_at_a_sentences_end_near_to_the_length_asked(seed, sentences, asked):
    text = prose(seed, sentences)
    cut = fitted(text, asked)
    possible = [n for n in range(1, sentences + 1) if is_like_long(words(_first(text, n)), asked)]
    assert (cut is None) == (not possible)
    if cut is not None:
        assert text.startswith(cut) and cut.endswith(".")
        assert is_like_long(words(cut), asked)
        assert abs(words(cut) - asked) == min(abs(words(_first(text, n)) - asked) for n in possible)


@given(st.integers(0, 500), st.integers(5, 30))
def test_a_truncated_passage_ends_inside_a_sentence(seed, sentences):
    text = prose(seed, sentences)
    cut = truncated(Passage("row", "document", "cluster", ADA, text)).text
    assert text.startswith(cut) and not text[len(cut) :].startswith(".")
    assert 0.7 <= words(cut) / words(text) <= 0.85


def test_code_alone_cannot_be_truncated():
    with pytest.raises(Refused):
        truncated(Passage("row", "document", "cluster", ADA, "    x = 1\n" * 60))


def _first(text, count):
    return ".".join(text.split(".")[:count]) + "."


def _two_authors():
    triples = [(ADA, "train", article(n, n + 1)) for n in (10, 20, 30)] + [(BO, "train", article(40, 41, 42))]
    documents = pd.DataFrame([_row(number, *triple) for number, triple in enumerate(triples)])
    return documents, instruct_rows(documents, "ada", ADA).rows


def test_what_readers_turned_down_joins_at_the_end_and_gives_no_other_pair():
    accepted = feedback()
    instruct = joined(INSTRUCT, accepted, DOCUMENTS, ADA).rows
    table = preference_rows(instruct, DOCUMENTS, "ada", ADA, accepted=accepted)
    rows = conform(table.rows, PREFERENCE_ROWS)
    added = rows[rows["kind"] == "feedback"]
    turned_down = accepted[accepted["rejected"].notna()]
    assert len(added) == table.metadata["pairs/feedback/train"] > 0
    assert set(added["rejected"]) <= set(turned_down["rejected"])
    assert set(table.rejected["item_id"]) >= set(turned_down["row_id"]) - set(added["row_id"])
    own = preference_rows(INSTRUCT, DOCUMENTS, "ada", ADA).rows
    pd.testing.assert_frame_equal(rows.head(len(own)), own)
    assert faults(rows, DOCUMENTS) == []
    assert preference_rows(INSTRUCT.assign(generator="feedback:b1"), DOCUMENTS, "ada", ADA).rows.empty
