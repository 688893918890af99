"""Each token of a packed row goes through its own adapter, and through nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel
from transformers import LlamaForCausalLM

from llm_twin_assets.serving.engine import BrokenModel
from llm_twin_assets.serving.routed_lora import Routing, check_routable, route

NAMES = ("first", "second", "third")


@pytest.fixture(scope="module")
def alone(made_models):
    """What a layer gives for an input with only one adapter in the model, and with none."""
    base = LlamaForCausalLM.from_pretrained(made_models / "base")
    plain = {None: _layer(base)(_input())}
    for name in NAMES:
        base = LlamaForCausalLM.from_pretrained(made_models / "base")
        plain[name] = _layer(PeftModel.from_pretrained(base, made_models / name))(_input())
    return plain


@pytest.fixture(scope="module")
def together(made_models):
    base = LlamaForCausalLM.from_pretrained(made_models / "base")
    model = PeftModel.from_pretrained(base, made_models / "first", adapter_name="first")
    for name in NAMES[1:]:
        model.load_adapter(made_models / name, adapter_name=name)
    routing = Routing()
    route(base, routing)
    return _layer(base), routing


def _layer(model):
    return next(module for name, module in model.named_modules() if name.endswith("mlp.up_proj"))


def _input():
    return torch.randn(1, 24, 32, generator=torch.Generator().manual_seed(0))


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 6)), min_size=1, max_size=6))
def test_a_packed_row_is_what_each_adapter_gives_alone(alone, together, rows):
    layer, routing = together
    while sum(tokens for _, tokens in rows) > 24:
        rows = rows[:-1]
    routing.set(rows)
    with torch.no_grad():
        found = layer(_input())
    at = 0
    for name, tokens in rows:
        assert torch.allclose(found[:, at : at + tokens], alone[name][:, at : at + tokens], atol=1e-6)
        at += tokens
    assert torch.allclose(found[:, at:], alone[None][:, at:], atol=1e-6)


def test_the_adapters_are_told_apart_at_all(alone):
    assert not torch.allclose(alone["first"], alone["second"], atol=1e-3)
    assert not torch.allclose(alone["first"], alone[None], atol=1e-3)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 5)), max_size=12))
def test_every_token_belongs_to_exactly_one_adapter(rows):
    routing = Routing()
    routing.set(rows)
    total = sum(tokens for _, tokens in rows)
    owner = [None] * total
    places = torch.arange(total)
    for adapter, tokens in routing.parts:
        for at in places[tokens].tolist():
            assert owner[at] is None
            owner[at] = adapter
    assert owner == [name for name, tokens in rows for _ in range(tokens)]


@pytest.mark.parametrize(
    "changed", [{"use_dora": True}, {"modules_to_save": ["lm_head"]}, {"bias": "all"}, {"lora_bias": True}]
)
def test_an_adapter_that_is_more_than_two_matrices_is_refused(changed):
    with pytest.raises(BrokenModel, match="plain LoRA"):
        check_routable(LoraConfig(**changed))


def test_a_plain_adapter_is_taken():
    check_routable(LoraConfig(r=4, target_modules="all-linear", use_rslora=True))
