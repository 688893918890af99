"""A small OpenAI-compatible server on loopback: it checks every body, and answers from a script."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROLES = ("system", "user", "assistant")
FORMS = ("json_schema", "json_object")


def fault(body):
    """What is wrong with a chat completion request, None where a real server would take it."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return "model must be a string"
    messages = body.get("messages")
    if not messages or any(
        set(message) != {"role", "content"} or message["role"] not in ROLES or not message["content"]
        for message in messages
    ):
        return "messages must be a list of role and content"
    form = body.get("response_format", {})
    if form.get("type") not in FORMS:
        return "response_format has an unknown type"
    if form["type"] == "json_schema":
        named = form.get("json_schema", {})
        if not named.get("name") or named.get("schema", {}).get("type") != "object":
            return "json_schema needs a name and a schema of type object"
    # OpenAI's own condition for this form.
    elif "json" not in " ".join(message["content"] for message in messages).lower():
        return "json_object needs the word json in the messages"
    return None


class TeacherServer:
    """Answers each call with the next of `answers`, and the last for ever.

    An answer is a text (the assistant's), an object (as JSON), or a (status, body, headers) to send as
    it is. `schemas`: whether response_format json_schema is taken, as older servers do not.
    """

    def __init__(self, *answers, schemas=True):
        self.answers, self.schemas = list(answers), schemas
        self.calls, self.keys, self.paths = [], [], []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.teacher = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def forms(self):
        return [call["response_format"]["type"] for call in self.calls]

    def reply(self, body):
        wrong = fault(body)
        if wrong is None and body["response_format"]["type"] == "json_schema" and not self.schemas:
            wrong = "json_schema is not supported"
        if wrong is not None:
            return 400, json.dumps({"error": {"message": wrong}}), {}
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, tuple):
            return answer
        text = json.dumps(answer) if isinstance(answer, dict) else answer
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        return 200, json.dumps({"object": "chat.completion", "choices": [choice]}), {}

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        teacher = self.server.teacher
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        teacher.calls.append(body)
        teacher.keys.append(self.headers["Authorization"])
        teacher.paths.append(self.path)
        found = self.path.endswith("/v1/chat/completions")
        status, text, headers = teacher.reply(body) if found else (404, '{"error": "no such path"}', {})
        self.send_response_only(status)
        for name, value in ({"Content-Length": str(len(text.encode()))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass
