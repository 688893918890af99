"""A teacher that answers what a test tells it, over HTTP."""

import pytest

from resources.teacher import OpenAITeacher
from tests.resources.teacher_server import TeacherServer


@pytest.fixture
def teach():
    made = []

    def build(*answers):
        made.append(TeacherServer(*answers))
        return made[-1], OpenAITeacher(made[-1].url, "small", None, 20)

    yield build
    for each in made:
        each.close()
