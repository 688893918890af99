"""The whole graph with its home in S3: killed, run again, and asked; a folder gives the same versions."""

import os

import pytest

from jobs.jobs import SMOKE_TOKENS
from resources.files import listed
from resources.models import ModelStore
from resources.releases import Releases
from tests.resources.homes import S3Server, surroundings
from tests.world import World

pytestmark = pytest.mark.slow


class S3World(World):
    """A world whose home lies in S3. What is read here is read as another machine would read it."""

    def __init__(self, folder, server):
        super().__init__(folder, SMOKE_TOKENS)
        self.server = server
        self.scratch = folder / "scratch"
        self.home = server.home(folder / "another_machine")

    @property
    def environment(self):
        return super().environment | self.server.environment | {"LLM_TWIN_SCRATCH": str(self.scratch)}


@pytest.fixture(scope="module")
def server():
    made = S3Server()
    with pytest.MonkeyPatch.context() as patch:
        surroundings(patch, made)
        yield made
    made.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory, server):
    made = S3World(tmp_path_factory.mktemp("s3"), server)
    yield made
    made.call("stop")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("folder"), SMOKE_TOKENS)
    made.call("run")
    yield made
    made.call("stop")


def test_killed_and_run_again_a_home_in_s3_holds_what_a_folder_holds(world, folder):
    world.kill_during("base_model", 3)
    world.call("run")
    assert world.versions() == folder.versions()
    assert not (world.folder / "home").exists()


def test_the_server_answers_from_what_lies_in_s3(world):
    release = Releases(world.home).desired("nora")
    answer = world.json("ask", "nora", "Why do you build a twin that quotes?")
    assert answer["citations"]
    assert answer["release_id"] == release


def test_nothing_is_left_locked_and_another_machine_has_the_model(world):
    assert listed(world.home / "locks", "*.json") == []
    models = ModelStore(world.home)
    assert os.listdir(models.location(models.current("fine_tuned_model", "nora")))
