"""In which format weights are held, by the machine."""

import pytest
import torch

from llm_twin_assets.training.precision import LEAST_FOR_CPU, NoQuantization, autocasts, weights_format

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


class Sized:
    def __init__(self, count):
        self.count = count

    def num_parameters(self):
        return self.count


@without_gpu
def test_a_cpu_holds_weights_in_fp32():
    assert weights_format(False) == {"dtype": "float32"}


@without_gpu
def test_four_bits_are_refused_where_they_cannot_be_held():
    with pytest.raises(NoQuantization, match="CUDA device"):
        weights_format(True)


@without_gpu
def test_a_small_model_is_not_converted_at_each_step_and_a_large_one_where_the_cpu_can():
    assert not autocasts(Sized(LEAST_FOR_CPU - 1))
    assert autocasts(Sized(LEAST_FOR_CPU)) == torch.cpu._is_avx512_bf16_supported()
