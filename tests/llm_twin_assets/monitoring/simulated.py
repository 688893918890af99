"""Traffic that is made up: topics are directions, sessions keep to theirs."""

import numpy as np

from llm_twin_assets.monitoring.windows import Window

DIMENSION = 16
NOISE = 0.6


def vectors(random, topics):
    """Embeddings of length one near their topics' directions: [n, DIMENSION]."""
    near = np.eye(DIMENSION)[topics] + NOISE * random.normal(size=(len(topics), DIMENSION)) / DIMENSION**0.5
    return near / np.linalg.norm(near, axis=1, keepdims=True)


def traffic(random, count, session=1, topics=8, moved=0.0, scores=None, label=""):
    """A window of `count` questions in sessions of one topic each; a share of the sessions has a new one."""
    sessions = count // session
    of_session = np.where(random.random(sessions) < moved, topics, random.integers(0, topics, sessions))
    names = np.repeat([f"s{number}" for number in range(sessions)], session).tolist()
    return Window(vectors(random, np.repeat(of_session, session)), names, scores or {}, label)


def spread_bound(trials, level=0.999):
    """How far the largest gap between `trials` uniform numbers and their distribution may be (DKW)."""
    return (np.log(2 / (1 - level)) / (2 * trials)) ** 0.5
