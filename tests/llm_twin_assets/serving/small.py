"""A small served world: two authors' documents, an index of them, a random base model and its adapters."""

import dataclasses
import hashlib
import re
import shutil
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import uvicorn

from llm_twin_assets.contracts import chunk_id, content_hash, document_id
from llm_twin_assets.retrieval.embedding import indexed_text, space
from llm_twin_assets.retrieval.search import Searcher
from llm_twin_assets.serving.answering import Answerer
from llm_twin_assets.serving.app import AppParts, create_app
from llm_twin_assets.serving.binding import bound
from llm_twin_assets.serving.decoding import Decoding
from llm_twin_assets.serving.pages import Sources
from llm_twin_assets.serving.service import Service
from llm_twin_assets.serving.state import Serving
from llm_twin_assets.training.prompt import PROMPT
from resources.edge_store import EdgeStore
from resources.models import Model, ModelStore, weights_hash
from resources.releases import Manifest, Releases
from resources.settings import Settings
from resources.store import Store, Table
from resources.terms import document_terms
from resources.traces import TraceStore
from resources.vector_store import Entries
from tests.llm_twin_assets.serving.shared_engine import SharedEngine
from tests.rows import MADE
from tests.waiting import wait_until

BEES = """# Keeping bees

## Why the hive hums in winter

A hive hums in winter because the bees shiver to keep their queen warm.  They burn honey all \
night to do it. A quiet hive in January is a dead hive.

Do you open the hive to look? I never open a hive below ten degrees.

## What smoke really does

Smoke makes bees fill their stomachs with honey, and a full bee is a gentle bee. The smoker is \
my oldest tool — dented, blackened, and older than my knees.

```python
print("Smoke the hive.")
```

- Cool smoke only.
- Three puffs at the entrance.
"""
HONEY = """# Harvesting honey

## When honey is ripe enough

Ripe honey does not drip from a tilted frame. Bees cap a cell with wax when its honey holds less \
than a fifth of water.

Unripe honey ferments in the jar, and the jar pops its lid in March.
"""
BRIDGES = """# Small bridges

## Why old bridges are arches

An arch stands because every stone wants to fall and no stone can. Roman engineers built arches \
of stone without any mortar.

The keystone is set last, and the wooden centring comes out the day after.
"""
CODE_ONLY = """# Zither tuning script

```python
zither = tune("zither", strings=30)
```
"""
STOP = re.compile("a|an|and|are|at|by|do|does|for|from|how|i|in|is|it|no|not|of|on|the|to|what|when|why|you")


class WordEmbedder:
    """Texts as signed bags of hashed words: the more words two texts share, the nearer they are."""

    model_id = "words@1"
    window = 256
    dimension = 512

    def encode(self, texts, progress=None):
        rows = [self._vector(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.dimension)

    def count_tokens(self, text):
        return len(text.split())

    def tokenizer(self):
        raise NotImplementedError

    def _vector(self, text):
        found = np.zeros(self.dimension)
        for word in re.findall(r"[a-z]+", text.lower()):
            if not STOP.fullmatch(word):
                number = int.from_bytes(hashlib.sha256(word.rstrip("s").encode()).digest()[:4], "big")
                found[number % self.dimension] += 1 if number >> 31 else -1
        length = np.linalg.norm(found)
        return found / length if length else np.eye(1, self.dimension)[0]


def document(uri, author, text, title=None):
    title = title or text.splitlines()[0].lstrip("# ")
    return {
        "document_id": document_id(uri),
        "uri": uri,
        "title": title,
        "author": author,
        "kind": "article",
        "platform": "test",
        "published_at": "2026-01-01",
        "language": "en",
        "text": text,
        "content_hash": content_hash(text),
        **MADE,
        "cluster_id": document_id(uri),
        "split": "train",
    }


DOCUMENTS = [
    document("file:texts/bees.md", "Ada Moss", BEES),
    document("https://example.org/honey", "Ada Moss", HONEY),
    document("file:texts/zither.md", "Ada Moss", CODE_ONLY),
    document("file:texts/bridges.md", "Ben Ferro", BRIDGES),
]


def chunks_of(documents):
    """One chunk for each section, as (text, start, end) of its document."""
    found = []
    for one in documents:
        starts = [match.start() for match in re.finditer(r"^#+ ", one["text"], re.MULTILINE)]
        for ordinal, (start, end) in enumerate(zip(starts, [*starts[1:], len(one["text"])], strict=True)):
            text = one["text"][start:end].rstrip()
            found.append(
                {
                    "chunk_id": chunk_id(one["document_id"], text, 0),
                    "document_id": one["document_id"],
                    "content_hash": content_hash(text),
                    "ordinal": ordinal,
                    "start": start,
                    "end": start + len(text),
                    "heading_path": text.splitlines()[0].lstrip("# "),
                    "text": text,
                    "n_tokens": len(text.split()),
                    **{
                        key: one[key]
                        for key in ("title", "author", "uri", "platform", "kind", "published_at")
                    },
                }
            )
    return found


def make_models(folder: Path) -> None:
    """A base model and three adapters in `folder`: base, first, second, third; all random, none alike."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    from llm_twin_assets.training.bundled import train_tokenizer
    from llm_twin_assets.training.lora import save_adapter

    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = train_tokenizer([one["text"] for one in DOCUMENTS], 400)
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=512, eos_token_id=tokenizer.eos_token_id, **shape
    )
    LlamaForCausalLM(config).save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    for name in ("first", "second", "third"):
        base = LlamaForCausalLM.from_pretrained(folder / "base")
        low_rank = LoraConfig(r=4, lora_alpha=32, target_modules="all-linear", init_lora_weights=False)
        model = get_peft_model(base, low_rank)
        save_adapter(model, tokenizer, weights_hash(folder / "base"), folder / name)


class Small:
    """A home folder with everything that a server needs; `models` is what make_models made."""

    def __init__(self, home: Path, models: Path) -> None:
        self.home = home
        self.made = models
        self.store = Store(home)
        self.models = ModelStore(home)
        self.releases = Releases(home)
        self.vectors = EdgeStore(home)
        self.traces = TraceStore(home)
        self.embedder = WordEmbedder()
        self.searcher = Searcher(self.embedder, self.vectors)
        self.base = self._model("base_model", None, "base")

    def write_documents(self, documents=None):
        frame = pd.DataFrame(documents or DOCUMENTS)
        self.store.materialize("cleaned_documents", content_hash(str(frame)), lambda: Table(frame))
        rows = pd.DataFrame(chunks_of(documents or DOCUMENTS))
        self.store.materialize("cleaned_chunks", content_hash(str(frame)), lambda: Table(rows))

    def publish_index(self, documents=None, embedder=None):
        embedder = embedder or self.embedder

        def embed(chunks):
            texts = [indexed_text(one) for one in chunks]
            return Entries(embedder.encode(texts), [document_terms(text) for text in texts])

        made = self.vectors.sync(chunks_of(documents or DOCUMENTS), space(embedder), embed)
        self.vectors.publish(made.index_id)
        return made.index_id

    def adapter(self, name, twin="ada"):
        return self._model("aligned_model", twin, name)

    def manifest(self, name="first", twin="ada", author="Ada Moss", parent=None, **decoding):
        adapter = self.adapter(name, twin)
        how = dataclasses.asdict(dataclasses.replace(Decoding(min_similarity=0.2), **decoding))
        return Manifest(
            twin=twin,
            author=author,
            adapter=adapter.version,
            adapter_folder=adapter.folder,
            base=self.base.version,
            base_folder=self.base.folder,
            base_revision="",
            prompt=PROMPT,
            decoding=how,
            evaluation="e" * 64,
            parent=parent,
        )

    def release(self, name="first", twin="ada", author="Ada Moss", **decoding):
        """A stored release that the twin should serve from now on."""
        release_id = self.releases.add(self.manifest(name, twin, author, **decoding), {})
        self.releases.desire(twin, release_id)
        return release_id

    def serving(self, open_engine=None):
        base = str(self.made / "base")
        opened = open_engine or (lambda location, revision: SharedEngine(base))
        return Serving(self.releases, self.models, self.searcher, opened)

    def app(self, serving, **parts):
        service = Service(serving, Answerer(self.searcher), self.traces)
        given = {"settings": Settings(home=self.home), "traces": self.traces} | parts
        return create_app(service, Sources(self.store), AppParts(**given))

    def _model(self, asset, twin, name):
        version = weights_hash(self.made / name)
        place = self.models.place(asset, twin) / version
        if not place.exists():
            shutil.copytree(self.made / name, place)
        folder = place.relative_to(self.home).as_posix()
        return self.models.point(asset, Model(version, "inputs", folder), twin)


@contextmanager
def listening(app):
    """The application served by a real uvicorn on a free port; yields its address."""
    listener = bound("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def following(serving):
    """A server's state that follows what is desired in a thread of its own."""
    thread = threading.Thread(target=serving.follow)
    thread.start()
    try:
        yield serving
    finally:
        serving.stop()
        thread.join()


def seconds_of(action):
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
