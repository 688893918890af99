"""A teacher's opinion of two arms: both orders, asked once, and its failure is a state."""

import pytest
from pydantic import SecretStr

from llm_twin_assets.evaluation.arms import Arm
from llm_twin_assets.evaluation.judge import opinion
from resources.teacher import OpenAITeacher
from tests.llm_twin_assets.evaluation.test_arms import PROMPTS, arm
from tests.resources.teacher_server import TeacherServer

OLD, NEW = arm("base", ["No."] * 12), arm("tuned", ["She lit the lamp."] * 12)


def asked(*answers, before=None, prompts=PROMPTS):
    server = TeacherServer(*answers)
    try:
        teacher = OpenAITeacher(server.url, "judge", SecretStr("k"), 5.0)
        return opinion(teacher, prompts, OLD, NEW, before), server.calls
    finally:
        server.close()


def says(name):
    return {"nearer": name}


def test_each_pair_is_shown_in_both_orders():
    found, calls = asked(*[says("A"), says("B")] * 12)
    assert found["preferred"]["mean"] == 1
    assert len(calls) == 24
    first, second = (call["messages"][1]["content"] for call in calls[:2])
    assert first.index("She lit the lamp.") < first.index("No.")
    assert second.index("No.") < second.index("She lit the lamp.")


@pytest.mark.parametrize("answer", ["A", "B", "tie"])
def test_who_favours_a_place_prefers_nobody(answer):
    assert asked(says(answer))[0]["preferred"]["mean"] == 0.5


def test_what_was_said_is_not_asked_again():
    first, _ = asked(*[says("A"), says("B")] * 12)
    again, calls = asked(says("tie"), before=first)
    assert (again, calls) == (first, [])


def test_a_teacher_that_fails_is_a_state_and_what_it_said_is_kept():
    found, _ = asked(says("A"), says("B"), (401, "{}", {}))
    assert found["state"].startswith("the teacher failed: ")
    assert "preferred" not in found
    assert list(found["results"].values()) == [1.0]


def test_without_a_teacher_or_answers_nobody_is_asked():
    assert opinion(None, PROMPTS, OLD, NEW, None)["state"] == "nobody was asked"
    teacher = OpenAITeacher("http://127.0.0.1:9", "judge", None, 1.0)
    silent = Arm("tuned", "v", "asked nothing")
    assert opinion(teacher, PROMPTS, OLD, silent, None)["state"] == "there are no answers to compare"
