"""In which number format a model is trained: by the machine, never by the recipe."""

import os
from typing import Any, Final

# On a CPU with bf16 instructions, a smaller model loses more by the conversions than it gains.
LEAST_FOR_CPU: Final = 3_000_000


class NoQuantization(RuntimeError):
    """Four-bit weights were asked for on a machine that cannot hold them."""


def weights_format(quantized: bool) -> dict[str, Any]:
    """How `from_pretrained` is to hold a frozen base: fp32 on a CPU, bf16 or four bits on a GPU.

    Four bits are QLoRA's NF4 with double quantization (arXiv 2305.14314). Raises NoQuantization where they
    are asked for without a CUDA device or without bitsandbytes.
    """
    import torch

    gpu = torch.cuda.is_available()
    if not quantized:
        return {"dtype": "bfloat16" if gpu and torch.cuda.is_bf16_supported() else "float32"}
    _check_quantization(gpu)
    from transformers import BitsAndBytesConfig

    four = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    device = int(os.environ.get("LOCAL_RANK", "0"))
    return {"dtype": "bfloat16", "quantization_config": four, "device_map": {"": device}}


def autocasts(base: Any) -> bool:
    """Whether matrix products are done in bf16: where the device has instructions for it and they pay."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return base.num_parameters() >= LEAST_FOR_CPU and torch.cpu._is_avx512_bf16_supported()


def _check_quantization(gpu: bool) -> None:
    from importlib.util import find_spec

    missing = [] if gpu else ["a CUDA device"]
    missing += [] if find_spec("bitsandbytes") else ["the package bitsandbytes"]
    if missing:
        raise NoQuantization(
            f"four-bit weights need {' and '.join(missing)}: train without quantization on this machine"
        )
