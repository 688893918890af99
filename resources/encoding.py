"""A BERT sentence encoder whose texts lie end to end in one matrix: nothing is padded or masked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Tokenize = Callable[[Sequence[str]], list[NDArray[np.int64]]]

# What a forward pass is tried on before it is used; the lengths stand on both sides of MULTIPLE.
PROBES: Final = ("", "Tide.", "A joiner measures twice and cuts once. " * 6, "Un café à 日本, please? " * 40)
# A vector register holds so many bfloat16: softmax over other widths takes twice as long.
MULTIPLE: Final = 32


@dataclass(frozen=True)
class Dense:
    """A linear layer and the layer norm behind it."""

    weight: "torch.Tensor"
    bias: "torch.Tensor"
    scale: "torch.Tensor"
    shift: "torch.Tensor"


@dataclass(frozen=True)
class Layer:
    """One transformer layer: attention, its output, and the two linear layers."""

    attention: "tuple[torch.Tensor, torch.Tensor]"
    joined: Dense
    wide: "tuple[torch.Tensor, torch.Tensor]"
    narrow: Dense


class PackedBert:
    """Forward pass, mean pooling and normalisation of a BERT sentence encoder (Devlin et al. 2018).

    `bert` is a transformers BertModel that `is_known` approves. Computes in `dtype` on the processor.
    Several threads may use one; each call takes as many threads as torch is set to.
    """

    def __init__(self, bert: Any, dtype: "torch.dtype") -> None:
        import torch

        config, table = bert.config, bert.embeddings
        self._heads, self._epsilon = config.num_attention_heads, config.layer_norm_eps
        self._size = config.hidden_size // config.num_attention_heads
        with torch.no_grad():
            # The type of every token is 0.
            words = table.word_embeddings.weight + table.token_type_embeddings.weight[0]
            self._words, self._places = words.to(dtype), table.position_embeddings.weight.to(dtype)
            self._first = [part.to(dtype) for part in (table.LayerNorm.weight, table.LayerNorm.bias)]
            self._layers = [_layer(layer, self._size**-0.5, dtype) for layer in bert.encoder.layer]

    def encode(self, texts: "Sequence[NDArray[np.int64]]") -> "NDArray[np.float32]":
        """Vectors of length one, float32, shape (len(texts), hidden size), of texts as token ids.

        Each text has at least one and at most as many ids as the model has places. A text's vector
        depends on the others only by which of oneDNN's kernels their number of tokens calls for: by
        nothing on the processors tried, and by rounding of `dtype` at most.
        """
        import numpy as np
        import torch
        from torch.nn.functional import normalize

        lengths = [len(text) for text in texts]
        with torch.inference_mode():
            rows = self._hidden(torch.from_numpy(np.concatenate(texts)), lengths)
            means = torch.stack([text.mean(0, dtype=torch.float32) for text in torch.split(rows, lengths)])
            vectors: NDArray[np.float32] = normalize(means).numpy()
        return vectors

    def _hidden(self, ids: "torch.Tensor", lengths: list[int]) -> "torch.Tensor":
        import torch
        from torch.nn.functional import gelu, layer_norm, linear

        def normed(rows: "torch.Tensor", scale: "torch.Tensor", shift: "torch.Tensor") -> "torch.Tensor":
            return layer_norm(rows, rows.shape[1:], scale, shift, self._epsilon)

        def joined(rows: "torch.Tensor", before: "torch.Tensor", part: Dense) -> "torch.Tensor":
            return normed(linear(rows, part.weight, part.bias).add_(before), part.scale, part.shift)

        places = torch.cat([self._places[:length] for length in lengths])
        x = normed(self._words[ids].add_(places), *self._first)
        for layer in self._layers:
            x = joined(self._attended(linear(x, *layer.attention), lengths), x, layer.joined)
            x = joined(gelu(linear(x, *layer.wide)), x, layer.narrow)
        return x

    def _attended(self, rows: "torch.Tensor", lengths: list[int]) -> "torch.Tensor":
        import torch

        out = rows.new_empty(len(rows), self._heads, self._size)
        for text, own in zip(torch.split(rows, lengths), torch.split(out, lengths), strict=True):
            parts = text.view(len(text), 3, self._heads, self._size).permute(1, 2, 0, 3)
            own.copy_(attention(*parts).transpose(0, 1))
        return out.flatten(1)


def attention(query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor") -> "torch.Tensor":
    """Softmax of query times key, times value: three of shape (heads, tokens, size), and so the result.

    The query is scaled already. Does what scaled_dot_product_attention does in two thirds of its time.
    """
    import torch
    from torch.nn.functional import pad, softmax

    tokens = query.shape[1]
    beyond = (0, 0, 0, -tokens % MULTIPLE)
    scores = torch.bmm(query.contiguous(), pad(key, beyond).transpose(1, 2))
    scores[:, :, tokens:] = -torch.inf
    return torch.bmm(softmax(scores, -1), pad(value, beyond))


def packed(model: Any, tokenize: "Tokenize", dtype: "torch.dtype") -> PackedBert | None:
    """The fast forward pass of a float32 SentenceTransformer; None where it would be another model.

    It is known for a BertModel with mean pooling, and must give what the model itself gives for
    PROBES, which `tokenize` turns into ids: a cosine of 0.999 or more.
    """
    if not is_known(model):
        return None
    made = PackedBert(model[0].auto_model, dtype)
    theirs = model.encode(list(PROBES), normalize_embeddings=True, show_progress_bar=False)
    alike = (made.encode(tokenize(PROBES)) * theirs).sum(axis=1)
    return made if (alike >= 0.999).all() else None


def is_known(model: Any) -> bool:
    """Whether a SentenceTransformer consists of the parts that PackedBert computes, and no others."""
    from transformers import BertModel

    names = [type(module).__name__ for module in model]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return False
    bert, config = model[0].auto_model, model[0].auto_model.config
    plain = config.hidden_act == "gelu" and not config.is_decoder and model.device.type == "cpu"
    return type(bert) is BertModel and plain and model[1].pooling_mode == "mean"


def _layer(layer: Any, scale: float, dtype: "torch.dtype") -> Layer:
    import torch

    own = layer.attention.self
    parts = (own.query, own.key, own.value)
    # Queries are scaled once, here, and not at every text.
    weight = torch.cat([own.query.weight * scale, *(part.weight for part in parts[1:])])
    bias = torch.cat([own.query.bias * scale, *(part.bias for part in parts[1:])])
    wide = layer.intermediate.dense
    return Layer(
        attention=(weight.to(dtype), bias.to(dtype)),
        joined=_dense(layer.attention.output, dtype),
        wide=(wide.weight.to(dtype), wide.bias.to(dtype)),
        narrow=_dense(layer.output, dtype),
    )


def _dense(part: Any, dtype: "torch.dtype") -> Dense:
    kept = (part.dense.weight, part.dense.bias, part.LayerNorm.weight, part.LayerNorm.bias)
    return Dense(*(tensor.to(dtype) for tensor in kept))
