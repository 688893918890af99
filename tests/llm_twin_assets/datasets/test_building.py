"""The whole dataset: rows with passages beside the plain ones, and numbers that agree with them."""

import pandas as pd
import pytest

from llm_twin_assets.contracts import INSTRUCT_ROWS, REJECTED, conform
from llm_twin_assets.datasets import rows_with_passages
from llm_twin_assets.datasets.building import dataset
from llm_twin_assets.datasets.feedback_rows import is_feedback
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.datasets.spending import Prices, Purse
from resources.teacher import OpenAITeacher
from resources.teacher_cache import CachedTeacher, TeacherCache
from tests.llm_twin_assets.datasets.conftest import passage
from tests.llm_twin_assets.datasets.taught_server import TaughtServer
from tests.llm_twin_assets.datasets.test_feedback_rows import feedback
from tests.llm_twin_assets.datasets.test_rows_with_passages import chunked
from tests.llm_twin_assets.monitoring.feedback_world import DOCUMENTS

ADA = "Ada Moor"


@pytest.fixture
def world(documents, monkeypatch):
    monkeypatch.setattr(rows_with_passages, "ONE_IN", 1)
    return documents(
        (ADA, "train", passage(1)), (ADA, "train", passage(3)), (ADA, "test", f"{passage(2)}\n\nShort.")
    )


@pytest.fixture
def purse(tmp_path):
    server = TaughtServer(lambda text: f"What of {text.split()[2]} then?", lambda message, best_first: 3)
    teacher = OpenAITeacher(server.url, "small", None, 20)
    yield Purse(CachedTeacher(teacher, TeacherCache(tmp_path)), Prices())
    server.close()


def test_plain_rows_stay_and_rows_with_passages_are_added(world):
    made = dataset(world, chunked(world), "ada", ADA)
    plain = made.rows[made.rows["passages"] == ""].reset_index(drop=True)
    pd.testing.assert_frame_equal(plain, instruct_rows(world, "ada", ADA).rows)
    conform(made.rows, INSTRUCT_ROWS)
    more = made.rows[made.rows["passages"] != ""]
    assert len(more) == made.metadata["rows/with_passages"] > 0
    assert set(more["split"]) == {"train"}
    assert made.metadata["rows/train"] == (made.rows["split"] == "train").sum()
    assert made.metadata["leaks/answers"] == made.metadata["leaks/instructions"] == 0.0


def test_what_the_teacher_wrote_in_vain_is_named_beside_what_templates_left_out(world, purse):
    made = dataset(world, chunked(world), "ada", ADA, purse)
    conform(made.rejected, REJECTED)
    assert set(made.rejected["reason"]) >= {"judged_unfit"}
    assert set(made.rejected["item_id"]) & set(made.rows["row_id"])
    assert set(made.metadata["judge/scores"]) == {"3.0"}
    without = dataset(world, chunked(world), "ada", ADA)
    pd.testing.assert_frame_equal(made.rows, without.rows)
    assert len(made.rejected) > len(without.rejected)


def test_accepted_feedback_joins_at_the_end_and_what_cannot_is_named():
    accepted = feedback(8)
    made = dataset(DOCUMENTS, chunked(DOCUMENTS), "ada", ADA, accepted=accepted)
    conform(made.rows, INSTRUCT_ROWS)
    added = made.rows[is_feedback(made.rows)]
    assert len(added) == made.metadata["rows/feedback"] > 3
    assert added["instruction"].isin(accepted["instruction"]).all()
    assert made.rows["generator"].tail(len(added)).str.startswith("feedback:").all()
    assert made.metadata["rows/train"] == (made.rows["split"] == "train").sum()
    stale = dataset(DOCUMENTS, chunked(DOCUMENTS), "ada", ADA, accepted=accepted.assign(answer="Other."))
    assert set(stale.rejected[stale.rejected["item_id"].isin(accepted["row_id"])]["reason"]) == {"stale_row"}
    without = dataset(DOCUMENTS, chunked(DOCUMENTS), "ada", ADA)
    pd.testing.assert_frame_equal(stale.rows, without.rows)
    assert without.metadata["rows/feedback"] == 0


def test_an_author_without_documents_gives_an_empty_table(world):
    assert dataset(world, chunked(world), "cy", "Cy Noone").rows.empty
