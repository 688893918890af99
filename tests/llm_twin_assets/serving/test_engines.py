"""The settings choose the engine, and a setting that cannot work is named before a release is loaded."""

from pathlib import Path

import pytest

from llm_twin_assets.serving.engine import BrokenModel, Sampling
from llm_twin_assets.serving.engines import engine_opener
from llm_twin_assets.serving.local_engine import LocalEngine
from llm_twin_assets.serving.remote_engine import RemoteEngine
from llm_twin_assets.serving.sagemaker_engine import SageMakerEndpoint
from llm_twin_assets.serving.vllm_adapters import name_of
from resources.models import ModelStore
from resources.settings import Settings
from tests.llm_twin_assets.serving.openai_server import OpenAIServer

ADAPTER = "a" * 64
KEY = "sk-" + "look" * 6


@pytest.fixture
def server():
    made = OpenAIServer(key=KEY)
    yield made
    made.stop()


def opener(tmp_path, **options):
    settings = Settings(home=tmp_path, engine_model="base", **options)
    return engine_opener(settings, ModelStore(settings.home))


def speak(engine):
    said = []
    engine.speak(ADAPTER, "Why?", Sampling(8, 0.7, 0.9), said.append)
    return "".join(said)


def test_the_engine_of_this_machine_is_the_default(tmp_path):
    assert opener(tmp_path) is LocalEngine


def test_one_model_answers_for_every_adapter_of_a_plain_server(tmp_path, server):
    open_engine = opener(
        tmp_path, engine="openai", engine_urls=[server.url], engine_api_key=f" {KEY}\n", engine_context=512
    )
    engine = open_engine("org/base", "main")
    assert isinstance(engine, RemoteEngine)
    assert engine.context == 512
    engine.load(ADAPTER, str(tmp_path))
    assert speak(engine) == "base says base"
    engine.close()


def test_vllm_is_given_each_adapter_from_where_it_sees_the_home(tmp_path, server):
    base = tmp_path / "models" / "base_model" / "abc"
    server.root = "/mnt/twin/models/base_model/abc"
    open_engine = opener(
        tmp_path, engine="vllm", engine_urls=[server.url], engine_api_key=KEY, engine_home="/mnt/twin/"
    )
    engine = open_engine(str(base), "")
    engine.load(ADAPTER, str(tmp_path / "models" / "aligned_model" / "nora" / "x"))
    assert server.adapters == {name_of(ADAPTER): "/mnt/twin/models/aligned_model/nora/x"}
    assert speak(engine) == f"{name_of(ADAPTER)} says {name_of(ADAPTER)}"
    with pytest.raises(BrokenModel, match="serves the base"):
        open_engine(str(base.parent / "newer"), "").load("b" * 64, str(tmp_path))
    engine.close()


def test_a_base_of_the_hub_is_known_by_its_name_at_the_server(tmp_path, server):
    server.key = None
    engine = opener(tmp_path, engine="vllm", engine_urls=[server.url])("org/other-name", "main")
    folder = str(tmp_path / "models" / "x")
    engine.load(ADAPTER, folder)
    assert server.adapters == {name_of(ADAPTER): folder}
    # A folder outside of the home lies where it lies.
    engine.load("b" * 64, "/elsewhere/x")
    assert server.adapters[name_of("b" * 64)] == "/elsewhere/x"
    engine.close()


def test_sagemaker_needs_no_address(tmp_path):
    engine = opener(tmp_path, engine="sagemaker")("org/base", "main")
    assert isinstance(engine._transport, SageMakerEndpoint)
    engine.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"engine": "vllm", "engine_api_key": "sk-ü"}, "LLM_TWIN_ENGINE_API_KEY"),
        ({"engine": "openai", "engine_api_key": "sk-ü"}, "LLM_TWIN_ENGINE_API_KEY"),
    ],
)
def test_a_setting_that_cannot_work_is_named_at_once(tmp_path, options, told):
    with pytest.raises(ValueError, match=told) as caught:
        opener(tmp_path, engine_urls=["http://gpu:8000"], **options)
    assert "sk-" not in str(caught.value)


def test_an_endpoint_whose_name_is_too_long_is_named_at_once(tmp_path):
    settings = Settings(home=tmp_path, engine="sagemaker", engine_model="e" * 60)
    with pytest.raises(ValueError, match="LLM_TWIN_ENGINE_MODEL"):
        engine_opener(settings, ModelStore(Path(tmp_path)))
