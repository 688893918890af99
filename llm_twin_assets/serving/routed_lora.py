"""Several LoRA adapters in one forward pass: each token goes through the adapter of its own answer.

Continuous batching packs the tokens of all answers into one row, so peft's own mixed batches, which
choose an adapter for each row, cannot be used. The product of each token's input with its adapter's two
matrices is added to the base layer's output, as in Punica (Chen et al. 2023, arXiv 2310.18547).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from llm_twin_assets.serving.engine import BrokenModel


class Routing:
    """Which tokens of the next forward pass belong to which adapter."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, Any]] = []

    def set(self, rows: Sequence[tuple[str, int]]) -> None:
        """rows: the adapter and the number of tokens of each answer, in the order they are packed."""
        import torch

        spans: dict[str, list[tuple[int, int]]] = {}
        at = 0
        for adapter, tokens in rows:
            mine = spans.setdefault(adapter, [])
            if mine and mine[-1][1] == at:
                mine[-1] = (mine[-1][0], at + tokens)
            else:
                mine.append((at, at + tokens))
            at += tokens
        self.parts = [
            (adapter, slice(*mine[0]) if len(mine) == 1 else torch.cat([torch.arange(*one) for one in mine]))
            for adapter, mine in spans.items()
        ]


def route(model: Any, routing: Routing) -> None:
    """Let every LoRA layer of the model follow the routing; once more whenever its adapters have changed."""
    from peft.tuners.lora import Linear

    for layer in model.modules():
        if isinstance(layer, Linear):
            pairs = {name: _pair(layer, name) for name in layer.lora_A}
            layer.forward = partial(_routed, layer.base_layer, pairs, routing)


def check_routable(config: Any) -> None:
    """Raises BrokenModel for an adapter that changes more than its own two matrices of a linear layer."""
    extras = ("use_dora", "modules_to_save", "trainable_token_indices", "target_parameters", "lora_bias")
    found = [name for name in extras if getattr(config, name, None)]
    if config.peft_type != "LORA" or found or config.bias != "none":
        said = ", ".join(found) or f"{config.peft_type}, bias {config.bias}"
        raise BrokenModel(f"an adapter with {said} cannot share its base with other twins: train plain LoRA")


def _pair(layer: Any, adapter: str) -> tuple[Any, Any, float]:
    return layer.lora_A[adapter].weight, layer.lora_B[adapter].weight, float(layer.scaling[adapter])


def _routed(
    base: Any, pairs: dict[str, tuple[Any, Any, float]], routing: Routing, x: Any, *args: Any, **kwargs: Any
) -> Any:
    from torch.nn.functional import linear

    result = base(x, *args, **kwargs)
    for adapter, tokens in routing.parts:
        if adapter not in pairs:
            continue
        down, up, scaling = pairs[adapter]
        change = linear(linear(x[:, tokens].to(down.dtype), down), up).to(result.dtype)
        if isinstance(tokens, slice):
            result[:, tokens].add_(change, alpha=scaling)
        else:
            result.index_add_(1, tokens, change, alpha=scaling)
    return result
