"""A stateful OpenAI-compatible server on loopback, with vLLM's routes for adapters.

It takes only what the APIs document (platform.openai.com/docs/api-reference/chat,
docs.vllm.ai/en/latest/features/lora), and can be told to fail in the ways that servers fail.
"""

import json
import socket
import threading
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.llm_twin_assets.serving.openai_bodies import fault

READ = 11
# What may happen to the next chat completion; a number is a status.
DIE_AT_ONCE, DIE_BEFORE_TOKEN, DIE_AFTER_TOKEN, ERROR_IN_STREAM = "at once", "before", "after", "error"


def events(model, pieces, cut=False, counts=True):
    """The server-sent events of a streamed completion, as bytes."""

    def event(choices, **more):
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
        return b"data: " + json.dumps(head | {"choices": choices} | more).encode() + b"\n\n"

    def said(delta, finish=None):
        return event([{"index": 0, "delta": delta, "finish_reason": finish}])

    yield said({"role": "assistant", "content": ""})
    for piece in pieces:
        yield said({"content": piece})
    yield said({}, "length" if cut else "stop")
    if counts:
        usage = {"prompt_tokens": READ, "completion_tokens": len(pieces)}
        yield event([], usage=usage | {"total_tokens": READ + len(pieces)})
    yield b"data: [DONE]\n\n"


class OpenAIServer:
    """`say(model, body)` gives the pieces of an answer; `adapters`: what is loaded, name to path.

    `happens`: what befalls the next completions; `folders`: where adapters can be loaded from (None:
    anywhere); `gate`: cleared, answers wait after their first piece; `counts`: whether usage is told.
    """

    def __init__(self, say=None, base="base", root="/models/base", key=None, folders=None, port=0):
        self.say = say or (lambda model, body: [f"{model} ", "says ", f"{model}"])
        self.base, self.root, self.key, self.folders = base, root, key, folders
        self.counts, self.loras = True, True
        self.adapters, self.happens = {}, deque()
        self.bodies, self.calls, self.whole, self.disconnects = [], [], [], 0
        self.running, self.unloaded_in_use = {}, []
        self.gate, self.lock = threading.Event(), threading.Lock()
        self.gate.set()
        self._port = port
        self.start()

    def start(self):
        self._open = set()
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.owner = self
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        """Die: nobody can connect, and every connection breaks."""
        self._server.shutdown()
        self._server.server_close()
        with self.lock:
            connections = list(self._open)
        for connection in connections:
            cut(connection)

    def restart(self):
        """Die and come back without any adapter."""
        self.stop()
        self.adapters = {}
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}/v1"

    def models(self):
        base = {"id": self.base, "object": "model", "root": self.root, "parent": None}
        loras = [
            {"id": name, "object": "model", "root": path, "parent": self.base}
            for name, path in dict(self.adapters).items()
        ]
        return 200, {"object": "list", "data": [base, *loras]}

    def change(self, path, body):
        """Load or unload an adapter, as vLLM does."""
        with self.lock:
            if path == "/v1/load_lora_adapter":
                return self._load(body)
            return self._unload(body)

    def _load(self, body):
        documented = {"lora_name": str, "lora_path": str, "load_inplace": bool}
        if any(name not in documented or not isinstance(body[name], documented[name]) for name in body):
            return 400, _error("the body is malformed", "BadRequestError")
        if not body.get("lora_name") or not body.get("lora_path"):
            return 400, _error("Both 'lora_name' and 'lora_path' must be provided.", "InvalidUserInput")
        name, path = body["lora_name"], body["lora_path"]
        if name in self.adapters and not body.get("load_inplace"):
            return 400, _error(f"The lora adapter '{name}' has already been loaded.", "InvalidUserInput")
        if self.folders is not None and path not in self.folders:
            return 404, _error(f"Loading lora {name} failed: No adapter found for {path}", "NotFoundError")
        self.adapters[name] = path
        return 200, f"Success: LoRA adapter '{name}' added successfully."

    def _unload(self, body):
        if set(body) != {"lora_name"} or not isinstance(body["lora_name"], str):
            return 400, _error("'lora_name' needs to be provided.", "InvalidUserInput")
        name = body["lora_name"]
        if name not in self.adapters:
            return 404, _error(f"The lora adapter '{name}' cannot be found.", "NotFoundError")
        if self.running.get(name):
            self.unloaded_in_use.append(name)
        del self.adapters[name]
        return 200, f"Success: LoRA adapter '{name}' removed successfully."

    def refusal(self, body):
        """Status and words where a completion is not given."""
        if wrong := fault(body):
            return 400, _error(wrong, "BadRequestError")
        if not body.get("stream"):
            return 400, _error("only streams are given here", "BadRequestError")
        if body["model"] != self.base and body["model"] not in self.adapters:
            return 404, _error(f"The model `{body['model']}` does not exist.", "NotFoundError")
        return None


def cut(connection):
    """Break a connection at once."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _error(message, kind):
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.owner = self.server.owner
        with self.owner.lock:
            self.owner._open.add(self.connection)

    def finish(self):
        with self.owner.lock:
            self.owner._open.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def do_GET(self):
        found = self.path == "/v1/models"
        self._send(*(self._locked() or (self.owner.models() if found else (404, {"detail": "Not Found"}))))

    def do_POST(self):
        owner, body = self.owner, json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        owner.calls.append((self.path, body))
        if refused := self._locked():
            self._send(*refused)
        elif self.path == "/v1/chat/completions":
            self._complete(body)
        elif owner.loras and self.path in ("/v1/load_lora_adapter", "/v1/unload_lora_adapter"):
            self._send(*owner.change(self.path, body))
        else:
            self._send(404, {"detail": "Not Found"})

    def _locked(self):
        given, key = self.headers["Authorization"], self.owner.key
        if key and given != f"Bearer {key}":
            return 401, _error(f"Incorrect API key provided: {given}", "invalid_request_error")
        return None

    def _complete(self, body):
        owner = self.owner
        happens = owner.happens.popleft() if owner.happens else None
        if happens == DIE_AT_ONCE:
            self._die()
        elif isinstance(happens, int):
            self._send(happens, _error(f"no, by {self.headers['Authorization']}", "server_error"))
        elif refused := owner.refusal(body):
            self._send(*refused)
        else:
            owner.bodies.append(body)
            self._count(body, 1)
            try:
                self._stream(body, happens)
            except OSError:
                owner.disconnects += 1
                self.close_connection = True
            finally:
                self._count(body, 0)

    def _count(self, body, running):
        """Note whether this handler's completion runs."""
        with self.owner.lock:
            before, self.counted = getattr(self, "counted", 0), running
            model = body["model"]
            self.owner.running[model] = self.owner.running.get(model, 0) + running - before

    def _stream(self, body, happens):
        self.send_response_only(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pieces = list(self.owner.say(body["model"], body))
        cut = len(pieces) > body["max_tokens"]
        wanted = bool(body.get("stream_options")) and self.owner.counts
        for number, event in enumerate(events(body["model"], pieces[: body["max_tokens"]], cut, wanted), 1):
            self._chunk(event)
            if number == {DIE_BEFORE_TOKEN: 1, DIE_AFTER_TOKEN: 2}.get(happens):
                return self._die()
            if number == 1 and happens == ERROR_IN_STREAM:
                self._chunk(
                    b"data: " + json.dumps(_error("the GPU is gone", "server_error")).encode() + b"\n\n"
                )
                return self._die()
            if number == 2 and not self.owner.gate.wait(30):
                return self._die()
        # Before the last byte: who has it may unload the adapter at once.
        self._count(body, 0)
        self.owner.whole.append(body["model"])
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _chunk(self, event):
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")

    def _die(self):
        self.close_connection = True
        cut(self.connection)

    def _send(self, status, answer):
        text = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass
