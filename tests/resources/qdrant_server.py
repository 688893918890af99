"""A stand-in for a Qdrant server: its REST interface on loopback, over the client's own memory.

It checks every body against the client's models, enforces strict mode with the real server's words, and
remembers what it was asked. What it cannot show: the graph, quantization, disks, several machines.
"""

import contextlib
import json
import re
import threading
import uuid
import warnings
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel
from qdrant_client import QdrantClient, models

from resources.qdrant_store import QdrantStore
from tests.resources.qdrant_strict import Refusal, enforce, parsed, unindexed

READS = re.compile(r"GET .*|POST .*/(points|points/(scroll|count|query/batch)|facet)")


class Kept:
    """What the server keeps of a collection that the client's memory has no place for."""

    def __init__(self, created):
        self.created, self.strict, self.indexes, self.snapshots = created, created.strict_mode_config, {}, []


class QdrantServer:
    """A server with its own world; `requests` are (method and path, body), `keys` the api keys sent."""

    def __init__(self, api_key=None):
        self.api_key, self.requests, self.keys, self.kept = api_key, [], [], {}
        self._memory = QdrantClient(":memory:")
        self._lock = threading.Lock()
        self._taken = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.site = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def writes(self):
        return [request for request, _ in self.requests if not READS.fullmatch(request)]

    def asked(self, pattern):
        return [body for request, body in self.requests if re.fullmatch(pattern, request)]

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method, target, body, key):
        path = urlsplit(target)
        self.keys.append(key)
        if self.api_key is not None and key != self.api_key:
            raise Refusal(401, "Must provide an API key or an Authorization bearer token")
        with self._lock:
            self.requests.append((f"{method} {path.path}", body))
            for pattern, answer in ROUTES:
                found = re.fullmatch(pattern, f"{method} {path.path}")
                if found:
                    return answer(self, *found.groups(), *([] if body is None else [body]), **_limit(path))
        raise Refusal(404, f"no such endpoint: {method} {path.path}")

    def collections(self, **_):
        return self._memory.get_collections()

    def exists(self, name, **_):
        return {"exists": name in self.kept}

    def aliases(self, **_):
        return self._memory.get_aliases()

    def create(self, name, body, **_):
        wanted = parsed(models.CreateCollection, body)
        if name in self.kept:
            raise Refusal(409, f"Wrong input: Collection `{name}` already exists!")
        self._memory.create_collection(
            name,
            vectors_config=wanted.vectors,
            sparse_vectors_config=wanted.sparse_vectors,
            metadata=wanted.metadata,
        )
        self.kept[name] = Kept(wanted)
        return True

    def info(self, name, **_):
        kept, info = self._of(name), self._memory.get_collection(name)
        strict = kept.strict.model_dump() if kept.strict else None
        info.config.strict_mode_config = strict and models.StrictModeConfigOutput(**strict)
        info.payload_schema = {
            column: models.PayloadIndexInfo(data_type=schema.type.value, params=schema, points=0)
            for column, schema in kept.indexes.items()
        }
        return info

    def update(self, name, body, **_):
        kept, wanted = self._of(name), parsed(models.UpdateCollection, body)
        kept.strict = wanted.strict_mode_config or kept.strict
        if wanted.metadata is not None:
            self._memory.update_collection(name, metadata=wanted.metadata)
        return True

    def delete(self, name, **_):
        self._of(name)
        del self.kept[name]
        return self._memory.delete_collection(name)

    def index(self, name, body, **_):
        wanted = parsed(models.CreateFieldIndex, body)
        self._of(name).indexes[wanted.field_name] = wanted.field_schema
        return _done()

    def move_aliases(self, body, **_):
        wanted = parsed(models.ChangeAliasesOperation, body)
        return self._memory.update_collection_aliases(wanted.actions)

    def upsert(self, name, body, **_):
        return self._memory.upsert(self._real(name), parsed(models.PointsList, body).points)

    def batch(self, name, body, **_):
        wanted = parsed(models.UpdateOperations, body)
        return self._memory.batch_update_points(self._real(name), wanted.operations)

    def remove(self, name, body, **limits):
        wanted = parsed(models.PointsSelector, body)
        enforce(self._of(name), wanted, limits, "unindexed_filtering_update")
        return self._memory.delete(name, wanted)

    def retrieve(self, name, body, **limits):
        wanted = parsed(models.PointRequest, body)
        enforce(self._of(name), wanted, limits)
        return self._memory.retrieve(name, wanted.ids, wanted.with_payload, wanted.with_vector)

    def scroll(self, name, body, **limits):
        wanted = parsed(models.ScrollRequest, body)
        enforce(self._of(name), wanted, limits)
        points, offset = self._memory.scroll(
            name,
            scroll_filter=wanted.filter,
            limit=wanted.limit,
            offset=wanted.offset,
            with_payload=wanted.with_payload,
            with_vectors=wanted.with_vector,
        )
        return {"points": points, "next_page_offset": offset}

    def count(self, name, body, **limits):
        wanted = parsed(models.CountRequest, body)
        enforce(self._of(name), wanted, limits)
        return self._memory.count(name, wanted.filter)

    def facet(self, name, body, **limits):
        wanted = parsed(models.FacetRequest, body)
        enforce(self._of(name), wanted, limits)
        if wanted.key not in self._of(name).indexes:
            raise unindexed(wanted.key, "keyword")
        return self._memory.facet(name, wanted.key, wanted.filter, wanted.limit)

    def query(self, name, body, **limits):
        wanted = parsed(models.QueryRequestBatch, body)
        enforce(self._of(name), wanted, limits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._memory.query_batch_points(name, wanted.searches)

    def snapshots(self, name, **_):
        return self._of(name).snapshots

    def take(self, name, **_):
        # Named and dated by a counter: two snapshots within one second must have an order.
        self._taken += 1
        made = models.SnapshotDescription(
            name=f"{name}-{self._taken}.snapshot",
            creation_time=f"2026-01-01T00:00:{self._taken:02}",
            size=1,
        )
        self._of(name).snapshots.append(made)
        return made

    def untake(self, name, snapshot, **_):
        kept = self._of(name)
        kept.snapshots = [one for one in kept.snapshots if one.name != snapshot]
        return True

    def _of(self, name):
        if name not in self.kept:
            raise Refusal(404, f"Not found: Collection `{name}` doesn't exist!")
        return self.kept[name]

    def _real(self, name):
        self._of(name)
        return name


def _limit(path):
    return {name: int(values[0]) for name, values in parse_qs(path.query).items() if name == "timeout"}


def _done():
    return models.UpdateResult(operation_id=0, status=models.UpdateStatus.COMPLETED)


ONE = r"/collections/([^/]+)"
ROUTES = [
    (r"GET /collections", QdrantServer.collections),
    (r"GET /aliases", QdrantServer.aliases),
    (r"POST /collections/aliases", QdrantServer.move_aliases),
    (rf"GET {ONE}/exists", QdrantServer.exists),
    (rf"GET {ONE}", QdrantServer.info),
    (rf"PUT {ONE}", QdrantServer.create),
    (rf"PATCH {ONE}", QdrantServer.update),
    (rf"DELETE {ONE}", QdrantServer.delete),
    (rf"PUT {ONE}/index", QdrantServer.index),
    (rf"PUT {ONE}/points", QdrantServer.upsert),
    (rf"POST {ONE}/points/batch", QdrantServer.batch),
    (rf"POST {ONE}/points/delete", QdrantServer.remove),
    (rf"POST {ONE}/points", QdrantServer.retrieve),
    (rf"POST {ONE}/points/scroll", QdrantServer.scroll),
    (rf"POST {ONE}/points/count", QdrantServer.count),
    (rf"POST {ONE}/facet", QdrantServer.facet),
    (rf"POST {ONE}/points/query/batch", QdrantServer.query),
    (rf"GET {ONE}/snapshots", QdrantServer.snapshots),
    (rf"POST {ONE}/snapshots", QdrantServer.take),
    (rf"DELETE {ONE}/snapshots/([^/]+)", QdrantServer.untake),
]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self):
        size = int(self.headers["Content-Length"] or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        try:
            found = self.server.site.answer(self.command, self.path, body, self.headers["api-key"])
            status, said = 200, {"result": found, "status": "ok", "time": 0.0}
        except Refusal as refusal:
            status, said = refusal.status, {"status": {"error": str(refusal)}, "time": 0.0}
        except ValueError as error:
            status, said = 400, {"status": {"error": f"Bad request: {error}"}, "time": 0.0}
        self._reply(status, json.dumps(said, default=_plain).encode())

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve

    def _reply(self, status, body):
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *words):
        pass


def _plain(found):
    return found.model_dump(mode="json") if isinstance(found, BaseModel) else float(found)


@cache
def shared():
    """One server for all tests of a process; each store on it takes a name of its own."""
    return QdrantServer()


def loopback_store():
    """A store on the shared server, in a world of its own."""
    return QdrantStore(shared().url, name=f"test_{uuid.uuid4().hex[:8]}")
