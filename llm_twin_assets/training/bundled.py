"""The bundled base model: a byte-level BPE tokenizer and a small Llama, both made from the corpus."""

from typing import Any, Final

from llm_twin_assets.training.chat import END, SPECIAL_TOKENS, TEMPLATE

WIDTH: Final = 128
LAYERS: Final = 4
HEADS: Final = 2
INNER: Final = 320
CONTEXT: Final = 256
VOCABULARY: Final = 2048
SMALL_VOCABULARY: Final = 1024
# Below this many bytes of training text the smaller vocabulary is used.
SMALL_TEXT: Final = 200_000


def vocabulary_size(texts: list[str]) -> int:
    """How many tokens the vocabulary gets for this training text."""
    total = sum(len(text.encode()) for text in texts)
    return SMALL_VOCABULARY if total < SMALL_TEXT else VOCABULARY


def train_tokenizer(texts: list[str], size: int) -> Any:
    """A byte-level BPE tokenizer (Sennrich et al., arXiv 1508.07909) with the chat format's tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        additional_special_tokens=list(SPECIAL_TOKENS[1:]),
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def new_model(tokenizer: Any) -> Any:
    """An untrained Llama (arXiv 2302.13971) of about a million weights, input and output embeddings tied."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)
