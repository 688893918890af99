"""SageMaker on loopback: control plane, runtime and the auto-scaling of its components, with state.

Every request is held against botocore's model of the service; states go on with a clock that tests move.
Wired by AWS_ENDPOINT_URL_SAGEMAKER, _SAGEMAKER_RUNTIME and _APPLICATION_AUTO_SCALING.
"""

import json
import re
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.aws.sagemaker_components import Components
from tests.aws.sagemaker_endpoints import Endpoints
from tests.aws.sagemaker_jobs import Jobs
from tests.aws.sagemaker_model import faults
from tests.aws.sagemaker_scaling import Scaling
from tests.aws.sagemaker_states import Clock, Fault, invalid
from tests.llm_twin_assets.serving.openai_server import events
from tests.llm_twin_assets.serving.sagemaker_server import part

SERVICES = {"SageMaker": "sagemaker", "AnyScaleFrontendService": "application-autoscaling"}
VARIABLES = ("SAGEMAKER", "SAGEMAKER_RUNTIME", "APPLICATION_AUTO_SCALING")
INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations(-response-stream)?")


class SageMaker:
    """`containers`: what runs training jobs, or None to let the clock. `alarms`: of some names, those that
    went off. `artefacts`: whether an S3 address is there.

    `happens`: faults that the next requests get. `asked`: every operation with its body, in order.
    """

    def __init__(self, containers=None, alarms=lambda names: [], artefacts=lambda uri: True, tick=0.0):
        self._lock, self._made_of = threading.Lock(), (containers, alarms, artefacts, tick)
        self.forget()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.owner = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def forget(self):
        """Begin again with nothing."""
        containers, alarms, artefacts, tick = self._made_of
        self.clock = Clock(tick)
        self.jobs = Jobs(self.clock, containers)
        self.endpoints = Endpoints(self.clock, alarms)
        self.components = Components(self.clock, self.endpoints, artefacts)
        self.scaling = Scaling(self.clock, self.components)
        self.happens, self.asked = deque(), []

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def variables(self):
        """What points boto3 at it."""
        return {f"AWS_ENDPOINT_URL_{name}": self.url for name in VARIABLES}

    def operations(self, prefix=""):
        """The names of what was asked, without looks."""
        names = [name for name, _ in self.asked]
        return [name for name in names if not name.startswith(("Describe", "List")) and prefix in name]

    def answer(self, target, body):
        """What the API answers; raises Fault."""
        service, operation = target.split(".")
        if wrong := faults(SERVICES[service], operation, body):
            raise invalid(f"{len(wrong)} validation errors detected: {'; '.join(wrong)}")
        self.asked.append((operation, body))
        if operation.startswith("Describe"):
            self.clock.advance(self.clock.tick)
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        for part_of in (self.jobs, self.endpoints, self.components, self.scaling):
            if (method := getattr(part_of, name, None)) is not None:
                return method(body)
        raise Fault("UnknownOperationException", f"the stand-in has no {operation}")

    def invoked(self, endpoint, component):
        """Raises Fault where nothing answers; the component's own words else."""
        if endpoint not in self.endpoints.settled():
            raise Fault("ValidationError", f"Endpoint {endpoint} not found.")
        one = self.components.settled().get(component)
        if one is None or one.body["EndpointName"] != endpoint:
            raise Fault("ValidationError", f"Inference Component Name header: {component} is not found.")
        if one.state not in ("InService", "Updating"):
            raise Fault("ValidationError", f"Inference component {component} is {one.state}.")
        bare = self.components.all[one.base] if one.base else one
        if bare.copies == 0:
            raise Fault("ValidationError", "Inference Component has no capacity to process this request.")
        return list(events("base", [f"{component} ", "says – ü ", component]))

    def close(self):
        if self.jobs.containers:
            self.jobs.containers.close()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        owner, content = self.server.owner, self.rfile.read(int(self.headers["Content-Length"]))
        try:
            with owner._lock:
                if "AWS4-HMAC-SHA256" not in self.headers.get("Authorization", ""):
                    raise Fault("MissingAuthenticationToken", "Missing Authentication Token", 403)
                if owner.happens:
                    raise owner.happens.popleft()
                answer = self._answer(owner, content)
        except Fault as fault:
            self._refuse(fault)
            return
        if isinstance(answer, dict):
            self._send(200, "application/x-amz-json-1.1", json.dumps(answer).encode())
        else:
            self._stream(answer)

    def _answer(self, owner, content):
        if found := INVOCATION.fullmatch(self.path):
            return owner.invoked(found[1], self.headers.get("X-Amzn-SageMaker-Inference-Component", ""))
        return owner.answer(self.headers["X-Amz-Target"], json.loads(content))

    def _refuse(self, fault):
        content = json.dumps({"__type": fault.code, "message": fault.words, "Message": fault.words}).encode()
        self._send(fault.status, "application/x-amz-json-1.1", content, {"X-Amzn-ErrorType": fault.code})

    def _send(self, status, kind, content, headers=()):
        self.send_response_only(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            **dict(headers),
        }.items():
            self.send_header(name, value)
        # Header and content in one write: two would wait for each other's acknowledgement.
        self._headers_buffer.append(b"\r\n" + content)
        self.flush_headers()

    def _stream(self, pieces):
        streamed = self.path.endswith("-response-stream")
        content = b"".join(part(piece) for piece in pieces) if streamed else b"".join(pieces)
        kind = "application/vnd.amazon.eventstream" if streamed else "text/event-stream"
        self._send(200, kind, content)

    def log_message(self, *words):
        pass
