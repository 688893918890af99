import base64
import io

import pytest

from llm_twin_assets.retrieval.charts import chart
from llm_twin_assets.retrieval.measuring import AS_LIVE, METRICS, READ_PATH, RETRIEVERS, Score
from llm_twin_assets.retrieval.reporting import compared_rows, hardest, metrics, numbers, rows, table


def scores(count=8, by=0.0):
    """Scores of every retriever, each a little better than the one before."""
    return {
        name: [
            Score(f"query {n}", 2, 1.0, 0.5, 0.5, round(0.3 + 0.1 * place + 0.01 * n + by, 6))
            for n in range(count)
        ]
        for place, name in enumerate((*RETRIEVERS, AS_LIVE))
    }


def report(count=8, questions=6):
    return {
        "state": "measured",
        "metrics": {"headings": metrics(scores(count)), "questions": metrics(scores(questions, 0.2))},
        "queries": rows(scores(count)),
        "questions": rows(scores(questions)),
        "lost_questions": ["3. Why?: no document has that address"],
    }


def test_each_retriever_has_each_metric_with_its_interval():
    found = metrics(scores())
    assert list(found) == list(RETRIEVERS)
    assert list(found["dense"]) == list(METRICS)
    assert found[READ_PATH]["ndcg@10"]["mean"] == pytest.approx(0.635)
    assert found[READ_PATH]["ndcg@10"]["low"] < 0.635 < found[READ_PATH]["ndcg@10"]["high"]
    assert found["dense"]["recall@10"] == {"mean": 0.5, "low": 0.5, "high": 0.5}


def test_fewer_than_five_queries_are_not_summed_up():
    assert metrics(scores(4)) == {}
    assert metrics(scores(5)) != {}


def test_rows_hold_the_read_path_and_what_is_compared_with_live():
    row = rows(scores())[3]
    assert (row["query"], row["ndcg"], row["ndcg_as_live"]) == ("query 3", 0.63, 0.73)
    stored = {"dense": scores(by=0.1)["dense"], AS_LIVE: scores()["sparse"]}
    compared = compared_rows(scores(), stored)[3]
    assert compared == row | {"stored_ndcg": 0.43, "stored_ndcg_as_live": 0.43}


def test_numbers_are_the_read_paths_on_both_sets():
    found = numbers(report())
    assert (found["queries"], found["questions"], found["state"]) == (8, 6, "measured")
    assert found["ndcg@10"] == pytest.approx(0.635)
    assert found["questions/ndcg@10"] == pytest.approx(0.825)
    assert found["ndcg@10/low"] < found["ndcg@10"] < found["ndcg@10/high"]
    assert found["lost_questions"] == ["3. Why?: no document has that address"]
    assert "questions/hit@10" not in numbers(report(questions=2))


def test_the_table_has_a_line_for_each_set_and_retriever():
    lines = table(report()).split("\n")
    assert lines[0] == "| queries | retriever | hit@10 | recall@10 | mrr@10 | ndcg@10 |"
    assert len(lines) == 2 + 2 * len(RETRIEVERS)
    assert lines[2].startswith("| headings | dense | 1.000 [1.000, 1.000] | 0.500 [0.500, 0.500] |")
    assert lines[9].startswith("| questions | hybrid+rerank |")
    assert len(table(report(questions=0)).split("\n")) == 2 + len(RETRIEVERS)


def test_the_hardest_come_first():
    lines = hardest(report()).split("\n")
    assert lines[0] == "| query | relevant | reciprocal_rank | ndcg |"
    assert lines[2] == "| query 0 | 2 | 0.5 | 0.6 |"


def picture(found):
    from matplotlib.image import imread

    assert chart(found).startswith("![Retrievers and metrics](data:image/png;base64,")
    return imread(io.BytesIO(base64.b64decode(chart(found).split(",", 1)[1][:-1])))


def test_the_chart_is_a_small_picture_with_a_panel_for_each_set():
    both, one = picture(report()), picture(report(questions=0))
    assert both.shape[0] == 2 * one.shape[0]
    assert both.shape[1] == one.shape[1] == 700
    # Bars in the colours of four retrievers.
    assert len({tuple(pixel) for pixel in both.reshape(-1, 4)[::7].round(1)}) > 4
    assert len(chart(report())) < 60_000
    assert chart(report()) == chart(report())


def test_nothing_measured_is_no_picture():
    assert chart(report(count=0, questions=0)) == ""
