"""smoke_job: everything for one twin in one run, with a base model trained for seconds."""

import subprocess
import sys

import httpx
import pytest

from jobs.jobs import SMOKE_TOKENS
from resources.models import ModelStore
from tests.world import World

pytestmark = pytest.mark.slow

PROGRAM = """
from llm_twin_assets.runs import Runner
from resources.build import build_resources
from resources.settings import Settings
from resources.twins import load_twins

settings = Settings()
twins = load_twins(settings.config)
errors = Runner(settings, twins, build_resources(settings, twins), print).execute("smoke_job", twin="nora")
assert errors == [], errors
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("smoke"))
    yield made
    made.call("stop")


def test_one_run_leads_from_documents_to_a_twin_that_answers(world):
    subprocess.run(
        [sys.executable, "-c", PROGRAM], env=world.environment, cwd=world.folder, check=True, timeout=400
    )
    base = ModelStore(world.home).current("base_model")
    assert base is not None
    assert base.metadata["recipe"]["tokens"] == SMOKE_TOKENS
    status = world.json("status")
    nora = status["twins"]["nora"]
    assert nora["release_id"]
    assert httpx.get(f"{nora['endpoint']}/readyz").status_code == 200
    answer = world.json("ask", "nora", "Why do you build a twin that quotes?")
    assert answer["citations"]
    assert answer["release_id"] == nora["release_id"]
