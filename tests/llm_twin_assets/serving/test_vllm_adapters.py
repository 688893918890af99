"""Adapters on stateful servers: on every replica, back after a restart, unloaded when nobody uses them."""

import threading
from collections import Counter

import pytest

from llm_twin_assets.serving import replicas as module
from llm_twin_assets.serving.engine import BrokenModel, EngineDown
from llm_twin_assets.serving.vllm_adapters import name_of
from tests.llm_twin_assets.serving.openai_server import DIE_AT_ONCE, OpenAIServer
from tests.llm_twin_assets.serving.vllm_world import ONE, TWO, engine_of, held, load, says, speak
from tests.waiting import wait_until


@pytest.fixture
def servers():
    made = [OpenAIServer(), OpenAIServer()]
    yield made
    for one in made:
        one.gate.set()
        one.stop()


@pytest.fixture
def engine(servers, monkeypatch):
    monkeypatch.setattr(module, "REST_SECONDS", 0.0)
    made = engine_of(servers)
    yield made
    made.close()


def test_an_adapter_is_loaded_on_every_replica_under_a_name_of_its_content(servers, engine):
    load(engine, ONE, TWO, ONE)
    assert held(servers) == [{name_of(ONE), name_of(TWO)}] * 2
    for one in servers:
        assert one.calls == [
            ("/v1/load_lora_adapter", {"lora_name": f"llm-twin-{ONE}", "lora_path": f"/home/{ONE}"}),
            ("/v1/load_lora_adapter", {"lora_name": f"llm-twin-{TWO}", "lora_path": f"/home/{TWO}"}),
        ]
    assert engine.adapters == {ONE, TWO}


def test_each_answers_on_every_replica_as_who_was_asked(servers, engine):
    load(engine, ONE, TWO)
    for adapter in (ONE, TWO):
        assert {speak(engine, adapter) for _ in range(4)} == {says(adapter)}
    for one in servers:
        assert Counter(one.whole) == {name_of(ONE): 2, name_of(TWO): 2}


def test_a_probe_asks_the_adapter_on_every_replica(servers, engine):
    load(engine, ONE)
    engine.probe(ONE)
    assert [one.whole for one in servers] == [[name_of(ONE)]] * 2
    servers[1].happens.append(500)
    with pytest.raises(EngineDown, match="500"):
        engine.probe(ONE)


def test_a_folder_that_one_replica_does_not_see_is_a_broken_release(servers, engine):
    servers[1].folders = {"/elsewhere"}
    with pytest.raises(BrokenModel, match=r"No adapter found for /home/1.*LLM_TWIN_ENGINE_HOME"):
        load(engine, ONE)
    assert engine.adapters == set()
    with pytest.raises(EngineDown, match="not loaded"):
        speak(engine, ONE)
    servers[1].folders = None
    load(engine, ONE)
    assert held(servers) == [{name_of(ONE)}] * 2


def test_the_folder_is_named_as_the_server_sees_it(servers):
    engine = engine_of(servers, seen=lambda folder: folder.replace("/home", "/mnt"))
    load(engine, ONE)
    assert servers[0].adapters == {name_of(ONE): f"/mnt/{ONE}"}


def test_servers_that_load_nothing_at_runtime_say_what_they_need(servers, engine):
    servers[0].loras = False
    with pytest.raises(BrokenModel, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        load(engine, ONE)


def test_another_base_than_the_release_was_tuned_on_is_refused(servers):
    engine = engine_of(servers, root="/home/models/base_model/abc")
    with pytest.raises(BrokenModel, match=r"serves the base /models/base, .*base_model/abc"):
        load(engine, ONE)
    for one in servers:
        one.root = "/mnt/models/base_model/abc"
    load(engine, ONE)
    with pytest.raises(BrokenModel, match="has no model llama: mend LLM_TWIN_ENGINE_MODEL"):
        load(engine_of(servers, model="llama"), ONE)


def test_what_another_process_has_loaded_is_used_and_not_loaded_again(servers, engine):
    load(engine_of(servers), ONE)
    load(engine, ONE)
    assert [len(one.calls) for one in servers] == [1, 1]
    assert speak(engine, ONE) == says(ONE)


def test_two_processes_that_load_at_once_both_succeed(servers):
    engines, failed = [engine_of(servers) for _ in range(6)], []

    def bring(engine):
        try:
            load(engine, ONE)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=bring, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_replica_that_was_restarted_gets_its_set_before_it_answers(servers, engine):
    load(engine, ONE, TWO)
    servers[1].restart()
    assert {speak(engine, adapter) for adapter in (ONE, TWO) * 3} == {says(ONE), says(TWO)}
    assert held(servers) == [{name_of(ONE), name_of(TWO)}] * 2


def test_a_replica_that_was_seen_away_gets_its_set_before_it_is_asked(servers, engine):
    load(engine, ONE)
    servers[0].happens.append(DIE_AT_ONCE)
    speak(engine, ONE)
    servers[0].adapters, servers[0].calls = {}, []
    assert {speak(engine, ONE) for _ in range(4)} == {says(ONE)}
    assert [path for path, _ in servers[0].calls][:2] == ["/v1/load_lora_adapter", "/v1/chat/completions"]


def test_a_replica_that_cannot_get_its_set_back_takes_no_traffic(servers, engine):
    load(engine, ONE)
    servers[1].restart()
    servers[1].folders = set()
    assert {speak(engine, ONE) for _ in range(4)} == {says(ONE)}
    assert servers[1].whole == []
    servers[1].folders = None
    assert {speak(engine, ONE) for _ in range(4)} == {says(ONE)}
    assert len(servers[1].whole) == 2


def test_a_probe_restores_what_a_replica_has_lost(servers, engine):
    load(engine, ONE, TWO)
    servers[0].restart()
    engine.probe(TWO)
    assert held(servers) == [{name_of(ONE), name_of(TWO)}] * 2


def test_a_replica_that_is_away_gets_a_release_when_it_is_back(servers, engine):
    servers[1].stop()
    load(engine, ONE)
    engine.probe(ONE)
    assert speak(engine, ONE) == says(ONE)
    servers[1].start()
    assert {speak(engine, ONE) for _ in range(4)} == {says(ONE)}
    assert servers[1].whole


def test_without_any_replica_there_is_no_engine(servers, engine):
    for one in servers:
        one.stop()
    with pytest.raises(EngineDown, match="cannot be reached"):
        load(engine, ONE)
    assert engine.adapters == set()
    for one in servers:
        one.start()


def test_an_adapter_goes_from_every_replica_and_comes_back_under_its_name(servers, engine):
    load(engine, ONE, TWO)
    engine.unload(ONE)
    assert held(servers) == [{name_of(TWO)}] * 2
    with pytest.raises(EngineDown, match="not loaded"):
        speak(engine, ONE)
    load(engine, ONE)
    assert speak(engine, ONE) == says(ONE)


def test_a_replica_that_does_not_unload_does_not_stop_the_others(servers, engine, caplog):
    load(engine, ONE)
    servers[0].adapters = {}
    engine.unload(ONE)
    assert held(servers) == [set(), set()]
    assert "was not unloaded" in caplog.text


def running(engine, adapter, servers):
    """A request that has begun and waits at the server's gate."""
    for one in servers:
        one.gate.clear()
    said, begun = [], threading.Event()
    thread = threading.Thread(
        target=speak, args=(engine, adapter, lambda piece: (said.append(piece), begun.set()))
    )
    thread.start()
    assert begun.wait(60)
    return thread, said


def test_an_adapter_is_unloaded_only_after_its_last_request(servers, engine):
    load(engine, ONE, TWO)
    first, said = running(engine, ONE, servers)
    second, other = running(engine, ONE, servers)
    engine.unload(ONE)
    with pytest.raises(EngineDown, match="not loaded"):
        speak(engine, ONE)
    assert held(servers) == [{name_of(ONE), name_of(TWO)}] * 2
    servers[0].gate.set()
    wait_until(lambda: sum(thread.is_alive() for thread in (first, second)) == 1)
    assert held(servers) == [{name_of(ONE), name_of(TWO)}] * 2
    servers[1].gate.set()
    for thread in (first, second):
        thread.join(60)
    assert "".join(said) == "".join(other) == says(ONE)
    assert held(servers) == [{name_of(TWO)}] * 2
    assert [one.unloaded_in_use for one in servers] == [[], []]


def test_an_adapter_that_is_wanted_again_while_it_leaves_stays(servers, engine):
    load(engine, ONE)
    thread, _ = running(engine, ONE, servers)
    engine.unload(ONE)
    load(engine, ONE)
    for one in servers:
        one.gate.set()
    thread.join(60)
    assert held(servers) == [{name_of(ONE)}] * 2
    assert speak(engine, ONE) == says(ONE)
