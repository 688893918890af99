"""Clients ask without pause while everything behind them is replaced: nobody notices."""

import os
import signal
import threading
import time
from dataclasses import dataclass, field

import httpx
import pytest

from llm_twin_assets.serving.deploying import deploy, roll_back
from llm_twin_assets.serving.local_engine import LocalEngine
from tests.llm_twin_assets.serving.small import DOCUMENTS, document, following, listening
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

CLIENTS = 8
QUESTIONS = (
    "Why does the hive hum in winter?",
    "When is honey ripe enough?",
    "What does smoke really do to bees?",
)
ADDED = [
    document(
        f"file:texts/added-{number}.md",
        "Ada Moss",
        f"# Notes {number}\n\n## What the hive did in year {number}\n\n"
        f"In year {number} the hive hummed louder than before. I counted {number} frames of honey.\n",
    )
    for number in range(3)
]


class Watched:
    """What a deployment knows of the server: that it follows, and what it says of itself."""

    def __init__(self, serving):
        self._serving = serving

    def ensure_running(self):
        return "here"

    def wait_until_serving(self, twin, release_id, seconds):
        wait_until(lambda: self._serving.ready()["twins"][twin]["release_id"] == release_id, seconds)


@dataclass
class Client:
    """Asks without pause, streaming every other time, and keeps what it was told."""

    address: str
    number: int
    stop: threading.Event
    seen: list = field(default_factory=list)
    failed: list = field(default_factory=list)

    def run(self):
        with httpx.Client(base_url=self.address, timeout=120) as http:
            at = self.number
            while not self.stop.is_set():
                at += 1
                try:
                    self.seen.append(self._asked(http, QUESTIONS[at % len(QUESTIONS)], at % 2 == 0))
                except (httpx.HTTPError, AssertionError, KeyError) as error:
                    self.failed.append(f"{type(error).__name__}: {error}")

    def _asked(self, http, question, streamed):
        begun = time.monotonic()
        if streamed:
            release, index, text = self._streamed(http, question)
        else:
            answer = http.post("/rag", json={"twin": "ada", "query": question})
            assert answer.status_code == 200, answer.text
            told = answer.json()
            release, index, text = told["release_id"], told["index_id"], told["answer"]
        assert text
        return begun, time.monotonic(), release, index

    def _streamed(self, http, question):
        import json

        body = {"model": "ada", "stream": True, "messages": [{"role": "user", "content": question}]}
        text, last = "", {}
        with http.stream("POST", "/v1/chat/completions", json=body) as response:
            assert response.status_code == 200
            lines = [line[6:] for line in response.iter_lines() if line.startswith("data: ")]
        assert lines[-1] == "[DONE]"
        for line in lines[:-1]:
            chunk = json.loads(line)
            assert "error" not in chunk, chunk
            text += chunk["choices"][0]["delta"].get("content") or ""
            last = chunk
        return last["release_id"], last["index_id"], text


def test_nobody_notices_redeployments_rollbacks_new_indexes_and_a_killed_process(small):
    manifests = [small.manifest(name) for name in ("first", "second", "third")]
    releases = [small.releases.add(one, {}) for one in manifests]
    small.releases.desire("ada", releases[0])
    engines = []

    def opened(location, revision):
        engines.append(LocalEngine(location, revision))
        return engines[-1]

    serving, indexes = small.serving(opened), [small.vectors.live()]
    watched, stop = Watched(serving), threading.Event()
    with following(serving), listening(small.app(serving)) as address:
        wait_until(lambda: serving.ready()["ready"])
        clients = [Client(address, number, stop) for number in range(CLIENTS)]
        threads = [threading.Thread(target=one.run) for one in clients]
        for thread in threads:
            thread.start()
        for turn in range(10):
            deploy(small.releases, watched, "ada", releases[(turn + 1) % 3], 60)
            if turn in (2, 5, 8):
                indexes.append(small.publish_index([*DOCUMENTS, *ADDED[: len(indexes)]]))
                wait_until(lambda: serving.index_id == indexes[-1])
            if turn == 4:
                os.kill(engines[0].worker.pid, signal.SIGKILL)
        left_at = []
        for chosen in (releases[0], releases[2]):
            left = small.releases.desired("ada")
            roll_back(small.releases, watched, "ada", chosen, 60)
            left_at.append((left, time.monotonic()))
            served_once(clients, chosen)
        stop.set()
        for thread in threads:
            thread.join(120)
    serving.close()
    assert [one.failed for one in clients] == [[]] * CLIENTS
    assert engines[0].restarts == 1
    answers = [answer for one in clients for answer in one.seen]
    assert {release for *_, release, _ in answers} == set(releases)
    assert {index for *_, index in answers} <= set(indexes)
    assert indexes[-1] in {index for *_, index in answers}
    left, moment = left_at[-1]
    assert all(release != left for begun, _, release, _ in answers if begun > moment)


def served_once(clients, release):
    """Wait until somebody was answered by it, so that it was in use before it is replaced."""
    wait_until(lambda: any(one.seen and one.seen[-1][2] == release for one in clients))


def test_a_rollback_takes_effect_with_the_next_question(small):
    first = small.releases.add(small.manifest("first"), {})
    second = small.release("second", parent=first)
    serving = small.serving()
    with following(serving), listening(small.app(serving)) as address:
        wait_until(lambda: serving.ready()["ready"])
        roll_back(small.releases, Watched(serving), "ada", first, 60)
        answer = httpx.post(f"{address}/rag", json={"twin": "ada", "query": QUESTIONS[0]}, timeout=60).json()
    assert answer["release_id"] == first != second
