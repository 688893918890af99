import pandas as pd
import pytest

from llm_twin_assets.datasets.pair_faults import faults

OWN = "The tide came in over the sand and we sat on the wall to watch it go out again before supper."
OTHER = "A bridge stands because every stone in it wants to fall and none of them can do so alone at all."
DOCUMENTS = pd.DataFrame(
    [
        {"document_id": "own", "text": f"# Tides\n\n{OWN}\n", "split": "train"},
        {"document_id": "other", "text": OTHER, "split": "train"},
        {"document_id": "held", "text": OTHER, "split": "test"},
    ]
)


def pair(kind="other_author", **columns):
    start = DOCUMENTS["text"][0].index(OWN)
    row = {
        "row_id": kind,
        "chosen": OWN,
        "rejected": OTHER,
        "kind": kind,
        "document_id": "own",
        "start": start,
        "end": start + len(OWN),
        "rejected_document_id": "other",
        "split": "train",
    }
    return row | columns


def three(**columns):
    return pd.DataFrame([pair(**columns), pair("flattened", rejected_document_id="own"), pair("off_topic")])


def test_sound_pairs_have_no_fault():
    assert faults(three(), DOCUMENTS) == []
    assert faults(three(rejected_document_id=None), DOCUMENTS) == []
    assert faults(three().iloc[:0], DOCUMENTS) == []


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"chosen": OWN.upper()}, "does not stand in its document"),
        ({"start": 0}, "does not stand in its document"),
        ({"document_id": "nowhere"}, "does not stand in its document"),
        ({"rejected_document_id": "held"}, "not both of the train split"),
        ({"split": "test"}, "not both of the test split"),
        ({"rejected": "Too short."}, "gives itself away by its length"),
        ({"rejected": f"{OTHER} {OTHER}"}, "gives itself away by its length"),
    ],
)
def test_each_fault_is_named(columns, said):
    assert any(said in fault for fault in faults(three(**columns), DOCUMENTS))


def test_a_kind_that_leads_is_a_fault():
    pairs = pd.DataFrame([pair(row_id=str(n)) for n in range(3)] + [pair("flattened"), pair("off_topic")])
    assert faults(pairs, DOCUMENTS) == ["train: 60% of the pairs are of the kind other_author"]
