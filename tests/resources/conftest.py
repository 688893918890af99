"""Servers on loopback, and fetchers that may reach them."""

import pytest

from resources.fetcher import Fetcher
from tests.resources.fetch_server import Raw, Site
from tests.resources.homes import S3Server, surroundings
from tests.resources.opik_server import OpikServer

LOOPBACK = ["127.0.0.0/8", "::1/128"]


@pytest.fixture
def site():
    made = Site()
    yield made
    made.close()


@pytest.fixture
def raw():
    made = []

    def build(script):
        made.append(Raw(script))
        return made[-1]

    yield build
    for each in made:
        each.close()


@pytest.fixture
def make(tmp_path):
    def build(**options):
        return Fetcher(tmp_path / "pages", **{"allowed_networks": LOOPBACK, "pause_seconds": 0} | options)

    return build


@pytest.fixture
def server():
    """Opik's stand-in, which was asked nothing that Opik would not understand."""
    made = OpikServer()
    yield made
    made.stop()
    assert made.violations == []


@pytest.fixture(scope="module")
def s3_server():
    made = S3Server()
    yield made
    made.close()


@pytest.fixture
def s3_home(s3_server, monkeypatch, tmp_path):
    surroundings(monkeypatch, s3_server)
    return s3_server.home(tmp_path / "scratch")


@pytest.fixture
def machine(s3_server, s3_home, tmp_path):
    """The home in S3 as it is seen from a machine of a name."""
    return lambda name: s3_server.on(s3_home, tmp_path / name)


@pytest.fixture(params=["files", "s3"])
def home(request, tmp_path):
    """A home of each kind: a folder, and an address in S3."""
    return tmp_path / "home" if request.param == "files" else request.getfixturevalue("s3_home")
