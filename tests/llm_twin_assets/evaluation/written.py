"""A line-up whose scores and answers are written down, so that no model is run."""

from dataclasses import asdict

from llm_twin_assets.evaluation.answers import Answer
from llm_twin_assets.evaluation.lineup import NOTHING, SCORING, Lineup, asking
from llm_twin_assets.evaluation.prompts import test_set as made_of
from llm_twin_assets.evaluation.scoring import Candidate
from tests.llm_twin_assets.training import small

BASE = Candidate("base", "no/such/folder/base", "", None)
NEW = Candidate("new", "no/such/folder/base", "", "no/such/folder/new")
OLD = Candidate("old", "no/such/folder/other", "", "no/such/folder/old")
DOCUMENTS = small.documents("train", *["test"] * 6)
TEST = DOCUMENTS.iloc[1:].reset_index(drop=True)
ASKING = asking(small.rows(DOCUMENTS), (), None)


def lineup(**changes):
    """A challenger against the base on six documents; `asking=None` asks nothing."""
    usual = {
        "base": BASE,
        "challenger": NEW,
        "champion": None,
        "release_id": None,
        "is_quarantined": False,
        "documents": TEST,
        "author": small.AUTHOR,
        "learned": DOCUMENTS.iloc[:1][["author", "text", "content_hash"]],
        "hidden": frozenset(TEST["document_id"]),
        "asking": ASKING,
    }
    wanted = usual | changes
    return Lineup(**wanted | {"asking": wanted["asking"] or NOTHING})


def report(**per_byte):
    """A report in which each model needs so many bits per byte, a little different on each document."""
    scores = {
        version: {
            row["document_id"]: {
                "bits": 100 * value * (0.975 + 0.01 * number),
                "bytes": 100,
                "content_hash": row["content_hash"],
            }
            for number, row in enumerate(TEST.to_dict("records"))
        }
        for version, value in per_byte.items()
    }
    return {"scoring": SCORING, "bits_per_byte": scores}


def answered(made, bits=None, **texts):
    """A report in which each model also answers each prompt with one text."""
    asked = made_of(made.asking.prompts, made.sight, made.texts_hash).asked
    said = {version: asdict(Answer(text, len(text.split()), 0, 0)) for version, text in texts.items()}
    answers = {version: {one.key: answer for one in asked} for version, answer in said.items()}
    return report(**(bits or {"base": 2.2, "new": 2.1})) | {"answers": answers}
