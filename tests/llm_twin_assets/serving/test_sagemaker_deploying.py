"""Releases on an endpoint: brought up before they are served, named as the engine asks for them, removed."""

import shutil
from types import SimpleNamespace

import pytest

from llm_twin_assets.serving.remote_engine import RemoteEngine
from llm_twin_assets.serving.sagemaker_deploying import SageMakerReleases, hosted, hosting_of
from llm_twin_assets.serving.sagemaker_engine import SageMakerEndpoint, component_of
from resources import sagemaker
from resources.files import settle, working
from resources.releases import Manifest, Releases
from resources.sagemaker import SageMakerError
from resources.settings import Settings
from resources.store import Store
from tests.aws.sagemaker_world import IMAGE, ROLE, world

BASE = "b" * 64


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with world(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.fixture
def aws(cloud, monkeypatch, tmp_path):
    """A home in S3 with a base, two adapters and a release of each."""
    cloud.sagemaker.forget()
    monkeypatch.setattr(sagemaker, "POLL_SECONDS", 0.001)
    address = f"s3://{cloud.bucket}/{tmp_path.name}"
    settings = Settings(home=address, scratch=tmp_path / "scratch", **settings_of())
    releases = Releases(settings.home)
    folders = {name: f"models/aligned_model/ada/{name * 64}" for name in "123"}
    for folder in (f"models/base_model/{BASE}", *folders.values()):
        keep(settings.home / folder)
    made, parent = {}, None
    for name, folder in folders.items():
        parent = made[name] = releases.add(manifest(name * 64, folder, parent), {})
    return SimpleNamespace(
        cloud=cloud,
        sagemaker=cloud.sagemaker,
        settings=settings,
        releases=releases,
        store=Store(settings.home),
        ids=made,
    )


def settings_of():
    return {
        "endpoint": "sagemaker",
        "engine": "sagemaker",
        "engine_model": "twins",
        "sagemaker_role": ROLE,
        "sagemaker_image": IMAGE,
    }


def keep(place):
    with working(place) as folder:
        (folder / "adapter_config.json").write_text(place.name)
        settle(folder, place)
        shutil.rmtree(folder, ignore_errors=True)


def manifest(adapter, folder, parent):
    base = {"base": BASE, "base_folder": f"models/base_model/{BASE}", "base_revision": ""}
    more = {"prompt": "p", "decoding": {}, "evaluation": "e", "parent": parent}
    return Manifest("ada", "Ada Moss", adapter, folder, **base, **more)


def deploy(aws, name):
    """What the asset does around the gateway's own deployment."""
    with hosted(aws.settings, aws.store, aws.releases, "ada", aws.ids[name]):
        aws.releases.desire("ada", aws.ids[name])


def components(aws):
    return sorted(aws.sagemaker.components.settled())


def test_a_release_answers_by_the_name_that_the_engine_asks_for(aws, tmp_path):
    deploy(aws, "1")
    engine = RemoteEngine(SageMakerEndpoint("twins"), 4096)
    engine.load("1" * 64, str(tmp_path))
    engine.probe("1" * 64)
    engine.close()
    adapter = aws.sagemaker.components.all[component_of("twins", "1" * 64)]
    artefact = adapter.specification["Container"]["ArtifactUrl"]
    assert artefact.endswith(f"/serving/adapters/{'1' * 64}.tar.gz")
    (model,) = aws.sagemaker.endpoints.models.values()
    source = model["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["S3Uri"]
    assert source.endswith(f"/serving/bases/{BASE}/")
    assert aws.cloud.keys(source.removeprefix(f"s3://{aws.cloud.bucket}/"))
    assert model["PrimaryContainer"]["Environment"]["SM_VLLM_ENABLE_LORA"] == "true"


def test_the_release_before_stays_for_a_way_back_and_older_ones_go(aws):
    base, (one, two, three) = f"twins-base-{'b' * 10}", [f"twins-{name * 16}" for name in "123"]
    deploy(aws, "1")
    deploy(aws, "2")
    assert components(aws) == [one, two, base]
    deploy(aws, "3")
    assert components(aws) == [two, three, base]
    before = aws.sagemaker.operations("Component")
    deploy(aws, "3")
    assert aws.sagemaker.operations("Component") == before


def test_a_canary_keeps_its_component(aws):
    deploy(aws, "1")
    with hosted(aws.settings, aws.store, aws.releases, "ada", aws.ids["3"]):
        aws.releases.start_canary("ada", aws.ids["3"])
    assert components(aws) == [f"twins-{'1' * 16}", f"twins-{'3' * 16}", f"twins-base-{'b' * 10}"]


def test_a_release_that_does_not_come_up_changes_nothing_for_the_others(aws):
    deploy(aws, "1")
    failing = f"twins-{'2' * 16}"
    aws.sagemaker.components.fails[failing] = "The adapter cannot be loaded."
    with pytest.raises(SageMakerError, match="cannot be loaded"):
        deploy(aws, "2")
    assert aws.releases.desired("ada") == aws.ids["1"]
    aws.sagemaker.components.fails.clear()
    deploy(aws, "2")
    assert aws.sagemaker.components.all[failing].state == "InService"


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", range(6))
def test_a_deployment_that_was_killed_goes_on_where_it_was(aws, monkeypatch, at):
    """The process is gone after its n-th request that changes something: what was asked for stays."""
    with pytest.MonkeyPatch.context() as patched:
        real, left = aws.sagemaker.answer, [at]

        def answer(target, body):
            answered = real(target, body)
            if not target.split(".")[1].startswith(("Describe", "List")):
                left[0] -= 1
            return answered

        patched.setattr(aws.sagemaker, "answer", answer)
        releases = SageMakerReleases(aws.settings, aws.releases)
        found = releases._hosting._sagemaker.found

        def looked(kind, name):
            if left[0] < 0:
                raise Killed
            return found(kind, name)

        patched.setattr(releases._hosting._sagemaker, "found", looked)
        with pytest.raises(Killed):
            releases.bring("ada", aws.ids["1"])
            raise Killed
    deploy(aws, "1")
    assert components(aws) == [f"twins-{'1' * 16}", f"twins-base-{'b' * 10}"]
    created = aws.sagemaker.operations("Create")
    assert created.count("CreateInferenceComponent") == 2
    assert created.count("CreateEndpoint") == 1


def test_what_is_missing_is_named_by_its_setting(tmp_path):
    with pytest.raises(ValueError, match="LLM_TWIN_SAGEMAKER_IMAGE"):
        hosting_of(Settings(home=tmp_path, **(settings_of() | {"sagemaker_image": None})))
    with pytest.raises(ValueError, match="LLM_TWIN_HOME"):
        SageMakerReleases(Settings(home=tmp_path, **settings_of()), Releases(tmp_path))
    with pytest.raises(ValueError, match="let LLM_TWIN_ENGINE be sagemaker"):
        Settings(home=tmp_path, endpoint="sagemaker")


def test_a_local_endpoint_is_left_alone(tmp_path):
    settings = Settings(home=tmp_path)
    with hosted(settings, Store(tmp_path), Releases(tmp_path), "ada", None):
        pass
