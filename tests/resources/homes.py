"""A service that speaks S3 on loopback: moto's, one request at a time, so that its conditions are exact."""

import copy
import os
import threading
import uuid
from functools import cached_property
from pathlib import Path

from resources.places import place

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class S3Server:
    """`asked` are the requests that it got, as method and path, oldest first."""

    def __init__(self):
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        app, turn, asked = DomainDispatcherApplication(create_backend_app), threading.Lock(), []

        def one_at_a_time(environ, start_response):
            # Moto looks whether a condition holds and writes afterwards: two threads may both find it true.
            with turn:
                asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
                return app(environ, start_response)

        class Quiet(WSGIRequestHandler):
            def log(self, *_):
                pass

        self.asked = asked
        self._server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        return KEYS | {"AWS_ENDPOINT_URL": self.url}

    @cached_property
    def _client(self):
        return place("s3://any", Path("unused")).client

    def home(self, scratch: Path):
        """A home in a bucket of its own; making a client takes the library a second, so all share one."""
        name = f"twin-{uuid.uuid4().hex[:12]}"
        self._client.client.create_bucket(Bucket=name)
        return self.on(f"s3://{name}/deep/home", scratch)

    def on(self, home, scratch: Path):
        """The same home, as seen from a machine with this scratch folder."""
        client = copy.copy(self._client)
        client._local_cache_dir = scratch / "cloudpathlib"
        return client.CloudPath(str(home))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def surroundings(monkeypatch, server: S3Server) -> None:
    """Let this process, and those it starts, find the service as a person's would find Amazon's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
