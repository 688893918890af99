"""A tiny corpus, and what is trained on it in a second or two."""

import pandas as pd

from llm_twin_assets.contracts import (
    CLEANED_DOCUMENTS,
    PREFERENCE_ROWS,
    conform,
    content_hash,
    document_id,
)
from llm_twin_assets.datasets.instruct import instruct_rows
from llm_twin_assets.training.bundled import new_model, train_tokenizer
from tests.rows import MADE

AUTHOR = "Ada Moor"
VERSES = [
    "The tide comes in slowly over the long grey sand, and the boats lift one after another.",
    "My mother kept her bread under a cloth by the window; it rose while we were at school.",
    "A joiner measures twice, which is to say that he trusts neither his eye nor his rule.",
    "In the garden the beans climb their poles, and nobody tells them where the sky is.",
    "I suspect that the lamp in the harbour is older than the harbour, and a good deal wiser.",
]


def text(number: int, sentences: int = 14) -> str:
    """A titled text of about 260 words, different for each number: no two share eight words in a row."""
    picked = [VERSES[(number + at * (number % 3 + 1)) % len(VERSES)] for at in range(sentences)]
    words = " ".join(picked).split()
    marked = [f"{word} lamp{number}" if at % 7 == 3 else word for at, word in enumerate(words)]
    return f"# Evening {number}\n\n" + " ".join(marked)


def documents(*splits: str, author: str = AUTHOR) -> pd.DataFrame:
    """One cleaned document for each split."""
    rows = [_row(number, split, author) for number, split in enumerate(splits)]
    return conform(pd.DataFrame(rows), CLEANED_DOCUMENTS)


def rows(table: pd.DataFrame, twin: str = "ada") -> pd.DataFrame:
    """The instruct rows of the tiny corpus's author."""
    return instruct_rows(table, twin, AUTHOR).rows


def tokenizer():
    """A tokenizer of 300 entries, trained on the tiny corpus."""
    return train_tokenizer([text(number) for number in range(3)], 300)


def untrained(made):
    """A model with random, but always the same, weights."""
    import torch

    torch.manual_seed(1)
    return new_model(made)


def tiny(made):
    """A model with room for 64 tokens, whose every step takes milliseconds; always the same weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(made),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=made.eos_token_id,
        pad_token_id=made.pad_token_id,
    )
    return LlamaForCausalLM(config)


def pairs(table: pd.DataFrame, twin: str = "ada") -> pd.DataFrame:
    """Preference rows of the tiny corpus: the author's answer against the same words in another order."""
    found = rows(table, twin)
    made = pd.DataFrame(
        {
            "row_id": found["row_id"] + "|other_author",
            "twin": twin,
            "instruction": found["instruction"],
            "chosen": found["answer"],
            "rejected": [" ".join(reversed(answer.split())) for answer in found["answer"]],
            "kind": "other_author",
            "document_id": found["document_id"],
            "start": found["start"],
            "end": found["end"],
            "rejected_document_id": None,
            "split": found["split"],
        }
    )
    return conform(made, PREFERENCE_ROWS)


def say_nothing(line: str) -> None:
    """Takes progress lines and drops them."""


def _row(number, split, author):
    body = text(number)
    name = document_id(f"test:{author}:{number}")
    return {
        "document_id": name,
        "uri": f"test:{author}:{number}",
        "title": f"Evening {number}",
        "author": author,
        "kind": "article",
        "platform": "test",
        "published_at": None,
        "language": None,
        "text": body,
        "content_hash": content_hash(body),
        **MADE,
        "cluster_id": name,
        "split": split,
    }
