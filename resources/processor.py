"""What this machine's processor or GPU does natively, and how workers share its cores."""


def fast_bfloat16(device: str) -> bool:
    """Whether this machine multiplies bfloat16 natively; elsewhere it is slower than float32."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return device == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def single_threaded() -> None:
    """Let the worker that calls it compute on one core; the rest of the process keeps its threads."""
    import torch

    torch.set_num_threads(1)
