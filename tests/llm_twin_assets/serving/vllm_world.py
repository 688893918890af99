"""Two stateful servers and an engine over them, for the tests of adapters."""

from functools import partial

from llm_twin_assets.serving.engine import Sampling
from llm_twin_assets.serving.remote_engine import RemoteEngine
from llm_twin_assets.serving.replicas import Replicas
from llm_twin_assets.serving.vllm_adapters import VllmAdapters, name_of

ONE, TWO = "1" * 64, "2" * 64
FREE = Sampling(limit=32, temperature=0.7, top_p=0.9)


def engine_of(servers, model="base", root=None, seen=lambda folder: folder):
    replicas = partial(Replicas, [one.url for one in servers], "")
    return RemoteEngine(VllmAdapters(replicas, model, root, seen), 4096)


def speak(engine, adapter, emit=None):
    pieces = []
    engine.speak(adapter, "Why?", FREE, emit or pieces.append)
    return "".join(pieces)


def says(adapter):
    return f"{name_of(adapter)} says {name_of(adapter)}"


def held(servers):
    return [set(one.adapters) for one in servers]


def load(engine, *adapters):
    for adapter in adapters:
        engine.load(adapter, f"/home/{adapter}")
