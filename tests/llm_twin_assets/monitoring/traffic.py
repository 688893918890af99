"""Requests as the trace store holds them, in numbers: questions about a few subjects, of chosen releases."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import numpy as np

from resources.traces import Trace

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN = ("bees smoke hive", "honey wax jar", "stone arch bridge", "winter queen frost")
NEW = "orbit rocket comet"
MARKS = ("why", "how", "when", "where", "who", "which", "whether", "should")


class Bags:
    """Texts as hashed bags of words of length one: near where they share words. encoded: how many."""

    model_id = "bags@1"
    dimension = 48

    def __init__(self):
        self.encoded = 0

    def encode(self, texts, progress=None):
        self.encoded += len(texts)
        return np.array([self._vector(text) for text in texts], np.float32).reshape(
            len(texts), self.dimension
        )

    def _vector(self, text):
        found = np.full(self.dimension, 1e-3)
        for word in re.findall(r"[a-z]+", text.lower()):
            number = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
            found[number % self.dimension] += 1 if number >> 31 else -1
        return found / np.linalg.norm(found)


def traffic(random, count, start=0, release="r1", moved=0.0, twin="ada", nearest=0.6, **fields):
    """So many requests, a minute apart, the n-th with the number start + n; a share has a new subject."""
    made = []
    for number in range(start, start + count):
        subject = NEW if random.random() < moved else KNOWN[random.integers(len(KNOWN))]
        marks = " ".join(random.choice(MARKS, 3))
        found = {"chunk_id": "c", "content_hash": "h", "scores": {"dense": nearest + 0.05 * random.normal()}}
        given = {
            "trace_id": f"trace-{number:06}",
            "twin": twin,
            "created_at": (BEGAN + timedelta(minutes=number)).isoformat(),
            "release_id": release,
            "index_id": "i",
            "question": f"{marks} {subject} {number % 7}?",
            "answer": " ".join(random.choice(subject.split(), 6)),
            "retrieved": [found],
            "timings_ms": {"total": 5.0},
        }
        made.append(Trace(**(given | fields)))
    return made
