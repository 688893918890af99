"""What every test may use: a home of its own, and settings that ignore this machine's."""

import os

# Two test processes on two cores: each one's threads would wait for the other's.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest

from resources.settings import Settings
from resources.store import Store

OURS = ("LLM_TWIN_", "QDRANT_", "DAGSTER_", "OPIK_")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first: a worker that begins the longest one last is waited for by everybody."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path, monkeypatch) -> None:
    """No variable or `.env` of the person who runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith(OURS) and name != "QDRANT_TEST_URL"]:
        monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("LLM_TWIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "home")
