"""What the contract server remembers and answers: Opik's semantics as far as our client uses them."""

import re
import time
import uuid
from datetime import UTC, datetime
from itertools import count

from tests.resources.opik_contract import is_uuid7

NUMBER = count()


def new_id():
    """A uuid7 for what the server names itself."""
    low = next(NUMBER)
    return str(uuid.UUID(int=int(time.time() * 1000) << 80 | 7 << 76 | 2 << 62 | low))


class State:
    """Projects, traces, spans, scores, datasets, prompts and experiments; a trace sent twice is one."""

    def __init__(self):
        self.traces, self.spans, self.scores = {}, {}, {}
        self.datasets, self.items = {}, {}
        self.prompts, self.experiments, self.experiment_items = {}, {}, {}
        self.projects = set()
        self.hidden = False

    def reply(self, method, path, values, body):
        """(status, what to answer): None, a JSON value, or a list of lines for a stream."""
        action = ACTIONS.get((method, path))
        return action(self, values, body) if action else (404, {"message": "no such route"})

    def shown(self, trace):
        """A trace as it is read: with the scores that it was given, and how many spans it has."""
        scores = [
            {name: value for name, value in one.items() if name not in ("id", "project_name")}
            for (trace_id, _), one in self.scores.items()
            if trace_id == trace["id"]
        ]
        spans = sum(span["trace_id"] == trace["id"] for span in self.spans.values())
        return trace | {"feedback_scores": scores, "span_count": spans}

    def annotate(self, trace_id, name, value, reason=None):
        """What a person does in Opik's pages: score a trace."""
        one = {"id": trace_id, "name": name, "value": value, "source": "ui"}
        self.scores[trace_id, name] = one | ({"reason": reason} if reason else {})

    def _create_traces(self, _, body):
        for trace in body["traces"]:
            if not is_uuid7(trace.get("id")):
                return 400, {"errors": [f"Trace id must be a version 7 UUID: {trace.get('id')}"]}
        for trace in body["traces"]:
            self.projects.add(trace.get("project_name", "Default Project"))
            self.traces[trace["id"]] = {**self.traces.get(trace["id"], {}), **trace}
        return 204, None

    def _create_spans(self, _, body):
        for span in body["spans"]:
            if not (is_uuid7(span.get("id")) and is_uuid7(span.get("trace_id"))):
                return 400, {"errors": ["Span id must be a version 7 UUID"]}
        self.spans |= {span["id"]: span for span in body["spans"]}
        return 204, None

    def _score(self, _, body):
        for one in body["scores"]:
            self.scores[one["id"], one["name"]] = one
        return 204, None

    def _delete_score(self, values, body):
        self.scores.pop((values["id"], body["name"]), None)
        return 204, None

    def _trace(self, values, _):
        found = None if self.hidden else self.traces.get(values["id"])
        return (200, self.shown(found)) if found else (404, {"errors": ["Trace not found"]})

    def _search_traces(self, _, body):
        project = body.get("project_name", "Default Project")
        if project not in self.projects:
            return 404, {"errors": [f"Project {project} not found"]}
        mine = [one for one in self.traces.values() if one.get("project_name") == project]
        found = [self.shown(one) for one in mine if _matches(one, body.get("filters", []))]
        if body.get("truncate", True):
            found = [
                one | {"input": _slim(one.get("input")), "output": _slim(one.get("output"))} for one in found
            ]
        return 200, _paged([] if self.hidden else found, body)

    def _search_spans(self, _, body):
        wanted = body.get("trace_id")
        found = [one for one in self.spans.values() if wanted in (None, one["trace_id"])]
        return 200, _paged([] if self.hidden else found, body)

    def _project(self, _, body):
        known = body["name"] in self.projects
        return (200, {"id": new_id(), "name": body["name"]}) if known else (404, {"errors": ["not found"]})

    def _dataset(self, _, body):
        found = self.datasets.get(body["dataset_name"])
        return (200, found) if found else (404, {"errors": ["Dataset not found"]})

    def _create_dataset(self, _, body):
        if body["name"] in self.datasets:
            return 409, {"errors": ["Dataset already exists"]}
        self.datasets[body["name"]] = {"id": new_id(), **body}
        return 201, None

    def _put_items(self, _, body):
        if body.get("dataset_name") not in self.datasets:
            return 404, {"errors": ["Dataset not found"]}
        held = self.items.setdefault(body["dataset_name"], {})
        held |= {one.get("id") or new_id(): one for one in body["items"]}
        return 204, None

    def _prompt(self, _, body):
        versions = self.prompts.get(body["name"], [])
        wanted = [one for one in versions if body.get("commit") in (None, one["commit"])]
        return (200, wanted[-1]) if wanted else (404, {"errors": ["Prompt version not found"]})

    def _commit(self, _, body):
        version = {**body["version"], "id": new_id()}
        version.setdefault("commit", uuid.uuid4().hex[:8])
        self.prompts.setdefault(body["name"], []).append(version)
        return 200, version

    def _experiment(self, _, body):
        if body["dataset_name"] not in self.datasets:
            return 404, {"errors": ["Dataset not found"]}
        name = body.get("id") or new_id()
        self.experiments[name] = {**self.experiments.get(name, {}), **body}
        return 201, None

    def _shown_experiment(self, values, _):
        found = self.experiments.get(values["id"])
        if found is None or self.hidden:
            return 404, {"errors": ["Experiment not found"]}
        tried = [one for one in self.experiment_items.values() if one["experiment_id"] == values["id"]]
        return 200, found | {"trace_count": len(tried)}

    def _put_experiment_items(self, _, body):
        unknown = [i for i in body["experiment_items"] if i["experiment_id"] not in self.experiments]
        if unknown:
            return 409, {"errors": ["Experiment not found"]}
        self.experiment_items |= {one.get("id") or new_id(): one for one in body["experiment_items"]}
        return 204, None

    def _finish(self, _, body):
        for one in body["ids"]:
            self.experiments[one]["finished"] = True
        return 204, None


ACTIONS = {
    ("GET", "/is-alive/ping"): lambda *_: (200, {"message": "Healthy", "healthy": True}),
    ("GET", "/is-alive/ver"): lambda *_: (200, {"version": "contract"}),
    ("POST", "/v1/private/traces/batch"): State._create_traces,
    ("POST", "/v1/private/spans/batch"): State._create_spans,
    ("PUT", "/v1/private/traces/feedback-scores"): State._score,
    ("POST", "/v1/private/traces/{id}/feedback-scores/delete"): State._delete_score,
    ("GET", "/v1/private/traces/{id}"): State._trace,
    ("POST", "/v1/private/traces/search"): State._search_traces,
    ("POST", "/v1/private/spans/search"): State._search_spans,
    ("POST", "/v1/private/projects/retrieve"): State._project,
    ("POST", "/v1/private/datasets"): State._create_dataset,
    ("POST", "/v1/private/datasets/retrieve"): State._dataset,
    ("PUT", "/v1/private/datasets/items"): State._put_items,
    ("POST", "/v1/private/prompts/versions"): State._commit,
    ("POST", "/v1/private/prompts/versions/retrieve"): State._prompt,
    ("POST", "/v1/private/experiments"): State._experiment,
    ("GET", "/v1/private/experiments/{id}"): State._shown_experiment,
    ("POST", "/v1/private/experiments/items"): State._put_experiment_items,
    ("POST", "/v1/private/experiments/finish"): State._finish,
}
_PATTERNS = [
    (method, path, re.compile(path.replace("{id}", "(?P<id>[0-9a-f-]{36})"))) for method, path in ACTIONS
]


def routed(method, path):
    """The path as the specification writes it, and the values in it; None where there is no such route."""
    # A fixed word is tried before a value in its place.
    for known, written, pattern in sorted(_PATTERNS, key=lambda one: "{id}" in one[1]):
        if known == method and (found := pattern.fullmatch(path)):
            return written, found.groupdict()
    return None


def _slim(value):
    return {name: text[:20] if isinstance(text, str) else text for name, text in (value or {}).items()}


def _paged(found, body):
    """Newest id first, after the last that was read."""
    last = body.get("last_retrieved_id")
    newest = sorted(found, key=lambda one: one["id"], reverse=True)
    return [one for one in newest if last is None or one["id"] < last][: body.get("limit", 500)]


_COMPARED = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def _matches(trace, filters):
    return all(_holds(trace.get(one["field"]), one) for one in filters)


def _holds(value, one):
    if one["operator"] == "contains":
        return one["value"].lower() in str(value).lower()
    if one["field"].endswith("_time"):
        return _COMPARED[one["operator"]](_moment(value), _moment(one["value"]))
    return _COMPARED[one["operator"]](value, one["value"])


def _moment(text):
    return datetime.fromisoformat(text).astimezone(UTC)
