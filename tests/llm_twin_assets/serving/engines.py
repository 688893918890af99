"""An engine without a model: it says what it is given, in a known order, and remembers what it was asked."""

import threading
from dataclasses import dataclass

from llm_twin_assets.serving.engine import EngineDown, Usage

SPOKEN = "I keep my bees warm and my smoker cool, and that is all there is to it."


@dataclass(frozen=True)
class Heard:
    """What an engine was asked."""

    adapter: str
    message: str
    candidates: tuple = ()
    limit: int = 0
    sampling: object = None


class EchoEngine:
    """Implements the Engine protocol; a token is a word. `open_engine=echo.opened` puts it into a Serving.

    go_on: while it is not set, answers stop before their second piece. broken: every answer fails with it.
    """

    def __init__(self, context=2000, spoken=SPOKEN):
        self.context = context
        self.spoken = spoken
        self.adapters = set()
        self.heard = []
        self.broken = None
        self.running = 0
        self.most_running = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self._lock = threading.Lock()

    def opened(self, base, revision):
        return self

    def load(self, adapter, folder):
        self.adapters = self.adapters | {adapter}

    def unload(self, adapter):
        self.adapters = self.adapters - {adapter}

    def probe(self, adapter):
        pass

    def close(self):
        pass

    def room(self, adapter, message):
        return self.context - len(message.split())

    def quote(self, adapter, message, candidates, limit, max_sentences, tell):
        self.heard.append(Heard(adapter, message, tuple(candidates), limit))
        chosen = _chosen(candidates, limit, max_sentences)
        self._say(chosen, tell)
        return Usage(len(message.split()), sum(_words(candidates[at]) for at in chosen))

    def speak(self, adapter, message, sampling, emit):
        self.heard.append(Heard(adapter, message, limit=sampling.limit, sampling=sampling))
        words = self.spoken.split()
        told = words[: sampling.limit]
        self._say([word if at == 0 else f" {word}" for at, word in enumerate(told)], emit)
        return Usage(len(message.split()), len(told), cut=len(told) < len(words))

    def _say(self, pieces, tell):
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            if self.broken:
                raise self.broken
            for at, piece in enumerate(pieces):
                if at == 1 and not self.go_on.wait(30):
                    raise EngineDown("a test forgot to let it go on")
                tell(piece)
        finally:
            with self._lock:
                self.running -= 1


def _words(candidate):
    return len(candidate.text.split())


def _chosen(candidates, limit, max_sentences):
    """The most wanted candidate and what directly follows it, then the next most wanted, as they fit."""
    chosen = []
    while len(chosen) < max_sentences:
        left = limit - sum(_words(candidates[at]) for at in chosen)
        fitting = [at for at, one in enumerate(candidates) if at not in chosen and _words(one) < left]
        following = [at for at in fitting if chosen and candidates[at].follows == chosen[-1]]
        if not fitting:
            break
        chosen.append(max(following or fitting, key=lambda at: candidates[at].prior))
    return chosen
