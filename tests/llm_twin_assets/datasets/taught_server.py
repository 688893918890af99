"""A teacher on loopback that writes instructions and grades them, as a test's rules say."""

import json
import re

from tests.resources.teacher_server import TeacherServer

READ, WRITTEN = 100, 10


class TaughtServer(TeacherServer):
    """`write(passage)` gives an instruction, or a whole answer; `grade(message, best_first)` a score."""

    def __init__(self, write=None, grade=None):
        super().__init__({})
        self.write = write or (lambda passage: f"What do you say of {passage.split()[4]}?")
        self.grade = grade or (lambda message, best_first: 5)
        self.asked = []

    def reply(self, body):
        system, user = (message["content"] for message in body["messages"][:2])
        passage = re.search(r"<passage>\n(.*)\n</passage>", user, re.DOTALL)
        self.asked.append("write" if passage else "grade")
        self.answers = [self._written(passage[1]) if passage else self._graded(system, user)]
        status, text, headers = super().reply(body)
        usage = {"prompt_tokens": READ, "completion_tokens": WRITTEN}
        return status, json.dumps(json.loads(text) | {"usage": usage}) if status == 200 else text, headers

    def _written(self, passage):
        found = self.write(passage)
        return {"instruction": found} if isinstance(found, str) else found

    def _graded(self, system, user):
        message = re.search(r"<message>\n(.*)\n</message>", user, re.DOTALL)[1]
        best_first = system.index("5:") < system.index("1:")
        return {"reason": "It fits.", "score": self.grade(message, best_first)}
