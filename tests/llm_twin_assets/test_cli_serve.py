"""`llm-twin serve`, `keys` and `stop` as a person types them."""

import signal

import httpx
import pytest

from resources.files import read_json
from resources.locks import Locks
from tests.waiting import wait_until
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def announced(world):
    return wait_until(lambda: read_json(world.home / "serving" / "server.json"))


def test_it_serves_in_the_foreground_and_ends_when_it_is_asked(world):
    secret = world.call("keys", "create", "me").strip()
    server = world.start("serve")
    told = announced(world)
    # The command became the server: a container's runtime signals this process, and nobody starts it again.
    assert (told["pid"], told["supervisor"]) == (server.pid, None)
    assert Locks(world.home / "locks").holder("supervisor") is None
    models = f"{told['url']}/v1/models"
    assert httpx.get(models, trust_env=False).status_code == 401
    shown = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(models, headers=shown, trust_env=False).json()["data"] == []
    assert world.json("status")["endpoint"]["pid"] == server.pid
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    server.stdout.close()


def test_stop_ends_a_server_in_the_foreground_too(world):
    server = world.start("serve")
    announced(world)
    assert world.json("stop") == {"stopped": True}
    assert server.wait(60) == 0
    assert world.json("stop") == {"stopped": False}
    server.stdout.close()
