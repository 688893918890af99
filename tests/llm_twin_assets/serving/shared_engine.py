"""One generation process for all tests of a pytest process: starting one takes longer than most tests."""

import atexit
from functools import cache

from llm_twin_assets.serving.local_engine import LocalEngine


@cache
def _engine(base):
    engine = LocalEngine(base, "")
    atexit.register(engine.close)
    return engine


class SharedEngine:
    """What a test sees of the shared engine: only the adapters that it has loaded itself.

    Adapters are named by their weights, so the same name is the same adapter in every test.
    """

    def __init__(self, base):
        self._engine = _engine(base)
        self.adapters = set()

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def load(self, adapter, folder):
        self._engine.load(adapter, folder)
        self.adapters = self.adapters | {adapter}

    def unload(self, adapter):
        self.adapters = self.adapters - {adapter}

    def close(self):
        self.adapters = set()
