"""The tiny tokenizer and base model, made once for each process that runs tests."""

import pytest

from tests.llm_twin_assets.training import small


@pytest.fixture(scope="session")
def tokenizer():
    return small.tokenizer()


@pytest.fixture
def base(tokenizer):
    return small.untrained(tokenizer)


@pytest.fixture
def tiny(tokenizer):
    return small.tiny(tokenizer)
