"""Releases that come and go under load, on servers that die and forget: nothing fails, nothing is mixed."""

import contextlib
import threading
from collections import Counter

import pytest

from llm_twin_assets.serving import replicas as module
from llm_twin_assets.serving.vllm_adapters import name_of
from tests.llm_twin_assets.serving.openai_server import DIE_AT_ONCE, DIE_BEFORE_TOKEN, OpenAIServer
from tests.llm_twin_assets.serving.vllm_world import TWO, engine_of, held, load, says, speak
from tests.waiting import wait_until

FAILURES = (DIE_AT_ONCE, DIE_BEFORE_TOKEN, 503)


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


class Borrowing:
    """The release that answers, borrowed as serving/state.py lends it."""

    def __init__(self, adapter):
        self.adapter, self.used, self.lock = adapter, Counter(), threading.Lock()

    @contextlib.contextmanager
    def borrowed(self):
        with self.lock:
            adapter = self.adapter
            self.used[adapter] += 1
        try:
            yield adapter
        finally:
            with self.lock:
                self.used[adapter] -= 1


class Clients:
    """Eight threads that ask without pause: `done` counts the answers, `wrong` has every other."""

    def __init__(self, engine, borrowings):
        self.done, self.wrong, self._stop = Counter(), [], threading.Event()
        self._engine = engine
        self._threads = [threading.Thread(target=self._ask, args=(one,)) for one in borrowings * 4]
        for thread in self._threads:
            thread.start()

    def finish(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, borrowing):
        while not self._stop.is_set():
            with borrowing.borrowed() as adapter:
                try:
                    answer = speak(self._engine, adapter)
                except Exception as error:
                    answer = repr(error)
            self.done[adapter] += 1
            if answer != says(adapter):
                self.wrong.append(answer)


def swap(engine, clients, borrowing, new):
    """Load, probe, switch, drain, unload."""
    old = borrowing.adapter
    load(engine, new)
    engine.probe(new)
    borrowing.adapter = new
    wait_until(lambda: clients.done[new] > 4)
    wait_until(lambda: borrowing.used[old] == 0)
    engine.unload(old)


def fail(servers, number):
    """One replica at a time: what befalls a request at both of them is a failure of the engine."""
    servers[number % 2].happens.append(FAILURES[number % 3])
    if number % 3 == 0:
        wait_until(lambda: not any(one.happens for one in servers))
        with servers[0].lock:
            servers[0].adapters = {}


def test_ten_swaps_under_load_fail_nothing_and_mix_nothing(servers, engine):
    swapped, stays = Borrowing("00".ljust(64, "a")), Borrowing(TWO)
    load(engine, swapped.adapter, stays.adapter)
    clients = Clients(engine, [swapped, stays])
    try:
        for number in range(1, 11):
            swap(engine, clients, swapped, f"{number:02}".ljust(64, "a"))
            fail(servers, number)
    finally:
        clients.finish()
    assert clients.wrong == []
    assert sum(clients.done.values()) > 100
    assert [one.unloaded_in_use for one in servers] == [[], []]
    speak(engine, TWO), speak(engine, TWO)
    assert held(servers) == [{name_of(swapped.adapter), name_of(TWO)}] * 2
    # The replica that forgot nothing was given each adapter once.
    loads = [body["lora_name"] for path, body in servers[1].calls if path == "/v1/load_lora_adapter"]
    assert len(loads) == len(set(loads)) == 12
