"""Servers on loopback, and fetchers that may reach them."""

import pytest

from resources.fetcher import Fetcher
from tests.resources.fetch_server import Raw, Site

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
