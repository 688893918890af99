"""A teacher's opinion of a sample of answers: drawn alike, redacted, paid once, and never in the way."""

import math

import pytest

from llm_twin_assets.monitoring.opinions import MOST_ASKED, SHARE, opinions_of
from resources.settings import Settings
from resources.twins import FileSource, Twin, Twins
from tests.resources.teacher_server import TeacherServer

MAIL = "canary.person@moorland-post.net"


def row(number=0, **changed):
    asked = {
        "trace_id": f"t{number}",
        "question": "Why do bees hum?",
        "answer": "To keep warm.",
        "standalone": "",
    }
    return asked | {"declined": False, "error": None} | changed


@pytest.fixture
def serve():
    made = []

    def start(*answers):
        made.append(TeacherServer(*answers))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture
def twins(tmp_path):
    folder = FileSource(kind="folder", path=tmp_path)
    return Twins(root=tmp_path, sources=[folder], twins=[Twin(name="ada", author="Ada Vale")])


def asking(server, twins, share=1.0, **changes):
    settings = Settings(home=twins.root, teacher_url=server.url, teacher_model="judge", **changes)
    return opinions_of(settings, twins, share)


def given(found):
    return [None if math.isnan(one) else one for one in found]


def test_without_a_teacher_nobody_is_asked(twins):
    assert opinions_of(Settings(home=twins.root), twins) is None


def test_a_rating_is_a_share_of_the_best_and_asked_for_once(serve, twins):
    server = serve({"rating": 3})
    opinions = asking(server, twins)
    assert opinions([row()]) == [0.75]
    assert asking(server, twins)([row()]) == [0.75]
    assert len(server.calls) == 1
    assert server.forms == ["json_schema"]
    told = server.calls[0]["messages"][1]["content"]
    assert told == "QUESTION:\nWhy do bees hum?\n\nANSWER:\nTo keep warm."


def test_the_question_as_it_was_understood_is_rated_and_nothing_personal_leaves(serve, twins):
    server = serve({"rating": 4})
    asking(server, twins)([row(standalone=f"Who is {MAIL}?", answer=f"Ask {MAIL}.")])
    told = server.calls[0]["messages"][1]["content"]
    assert told == "QUESTION:\nWho is <EMAIL>?\n\nANSWER:\nAsk <EMAIL>."


def test_failures_and_refusals_are_not_asked_about(serve, twins):
    server = serve({"rating": 4})
    assert given(asking(server, twins)([row(error="OSError: x"), row(declined=True)])) == [None, None]
    assert server.calls == []


def test_an_answer_of_no_use_costs_one_score(serve, twins):
    server = serve({"rating": 9}, {"rating": 9}, {"rating": 2})
    rows = [row(0), row(1, answer="Otherwise.")]
    assert given(asking(server, twins)(rows)) == [None, 0.5]


def test_a_teacher_that_refuses_is_asked_once_a_batch(serve, twins):
    server = serve((401, "no", {}))
    assert given(asking(server, twins)([row(n, answer=f"Answer {n}.") for n in range(5)])) == [None] * 5
    assert len(server.calls) == 1


def test_at_the_cap_nothing_more_is_spent_and_a_cap_without_a_price_judges_nothing(serve, twins):
    server = serve({"rating": 4})
    rows = [row(n, answer=f"Answer {n}.") for n in range(5)]
    found = asking(server, twins, teacher_cost_cap=0.5, teacher_output_price=1500.0)(rows)
    assert given(found) == [1.0, 1.0, None, None, None]
    assert len(server.calls) == 2
    assert asking(server, twins, teacher_cost_cap=0.5) is None


def test_a_sample_is_drawn_by_the_id_alone_and_no_more_than_so_many_a_batch(serve, twins):
    server = serve({"rating": 4})
    rows = [row(n) for n in range(4000)]
    opinions = asking(server, twins, SHARE)
    drawn = {n for n, one in enumerate(opinions(rows)) if not math.isnan(one)}
    assert len(drawn) == MOST_ASKED
    assert len(server.calls) == 1, "the same words are asked about once"
    expected = SHARE * (max(drawn) + 1)
    assert abs(MOST_ASKED - expected) < 4 * expected**0.5
    alone = {n for n in range(max(drawn) + 1) if not math.isnan(opinions([rows[n]])[0])}
    assert alone == drawn
