"""SageMaker's runtime on loopback: checks what the API documents, and answers in AWS's event stream.

Encoding: https://smithy.io/2.0/aws/amazon-eventstream.html
API: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
"""

import json
import re
import struct
import threading
from binascii import crc32
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.llm_twin_assets.serving.openai_bodies import fault
from tests.llm_twin_assets.serving.openai_server import events

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
STRING = 7


def message(headers, payload):
    """One message: a prelude of two lengths and its CRC, headers, payload, and the CRC of it all."""
    encoded = b"".join(
        _sized("!B", name.encode()) + bytes([STRING]) + _sized("!H", value.encode())
        for name, value in headers.items()
    )
    # Prelude and its CRC take 12 bytes, the CRC at the end 4.
    prelude = struct.pack("!II", 12 + len(encoded) + len(payload) + 4, len(encoded))
    whole = prelude + struct.pack("!I", crc32(prelude)) + encoded + payload
    return whole + struct.pack("!I", crc32(whole))


def _sized(length, content):
    return struct.pack(length, len(content)) + content


def part(payload):
    """A PayloadPart event."""
    kind = {
        ":message-type": "event",
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
    }
    return message(kind, payload)


def failure(kind, **fields):
    """An exception event, such as ModelStreamError."""
    return message(
        {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"},
        json.dumps(fields).encode(),
    )


class SageMakerServer:
    """One endpoint; `components`: names of its inference components, each of which says its own name.

    `happens`: what befalls the next requests: (status, code, message) before the stream, or bytes that
    stand in it after the first parts. `size`: how many bytes a part has.
    """

    def __init__(self, endpoint, *components, size=37):
        self.endpoint, self.components, self.size = endpoint, set(components), size
        self.happens, self.bodies, self.whole, self.tries = deque(), [], [], 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.owner = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def refusal(self, path, headers, content):
        """Status, code and words where an invocation is not taken."""
        if "AWS4-HMAC-SHA256" not in headers.get("Authorization", ""):
            return 403, "MissingAuthenticationToken", "Missing Authentication Token"
        if path != f"/endpoints/{self.endpoint}/invocations-response-stream":
            return 400, "ValidationError", "Endpoint not found."
        component = headers.get("X-Amzn-SageMaker-Inference-Component", "")
        if not NAME.fullmatch(component) or len(component) > 63 or component not in self.components:
            return 400, "ValidationError", f"Inference Component Name header: {component} is not found."
        if headers.get("Content-Type") != "application/json":
            return 415, "ModelError", "Received client error (415) from primary."
        if wrong := fault(json.loads(content), with_model=False):
            return 424, "ModelError", f"Received client error (400) from primary with message {wrong}"
        return None

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        owner, content = self.server.owner, self.rfile.read(int(self.headers["Content-Length"]))
        owner.tries += 1
        happens = owner.happens.popleft() if owner.happens else None
        refused = owner.refusal(self.path, self.headers, content)
        if isinstance(happens, tuple) or refused:
            self._refuse(*(happens if isinstance(happens, tuple) else refused))
        else:
            owner.bodies.append(json.loads(content))
            self._stream(self.headers["X-Amzn-SageMaker-Inference-Component"], happens)

    def _refuse(self, status, code, words):
        fields = {"Message": words} | ({"OriginalStatusCode": 400} if status == 424 else {})
        content = json.dumps(fields).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Amzn-ErrorType", code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, component, happens):
        owner = self.server.owner
        self.send_response_only(200)
        self.send_header("Content-Type", "application/vnd.amazon.eventstream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # Parts end anywhere, also within a character.
        told = list(events("base", [f"{component} ", "says – ü ", component]))
        content = b"".join(told if happens is None else told[:2])
        parts = [part(content[at : at + owner.size]) for at in range(0, len(content), owner.size)]
        if happens is not None:
            parts.append(happens)
        for one in parts:
            self.wfile.write(f"{len(one):x}\r\n".encode() + one + b"\r\n")
        owner.whole.append(component)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *words):
        pass
