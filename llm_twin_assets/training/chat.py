"""The one chat format: training and serving build prompts and answers here, and nowhere else.

A tokenizer that brings its own chat template keeps it; any other gets TEMPLATE. The template travels in
the tokenizer's own files, beside the adapter that was trained with it.
"""

from typing import Any, Final

USER: Final = "<|user|>"
ASSISTANT: Final = "<|assistant|>"
SYSTEM: Final = "<|system|>"
END: Final = "<|end|>"
SPECIAL_TOKENS: Final = (END, USER, ASSISTANT, SYSTEM)
TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def with_template(tokenizer: Any) -> Any:
    """The tokenizer, with TEMPLATE where it has no chat template of its own."""
    if not tokenizer.chat_template:
        tokenizer.chat_template = TEMPLATE
    return tokenizer


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of plain text; a role mark that stands in it stays mere characters."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids


def prompt_ids(tokenizer: Any, messages: list[dict[str, str]]) -> list[int]:
    """Token ids up to where the assistant begins to write.

    `messages` are {"role", "content"} with roles system, user and assistant. Special tokens are taken out
    of the contents, so a message cannot pretend to be another speaker.
    """
    spoken = [message | {"content": without_marks(tokenizer, message["content"])} for message in messages]
    text = tokenizer.apply_chat_template(spoken, tokenize=False, add_generation_prompt=True)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def answer_ids(tokenizer: Any, answer: str) -> list[int]:
    """Token ids of an answer and of the token that ends it."""
    return [*text_ids(tokenizer, answer), tokenizer.eos_token_id]


def without_marks(tokenizer: Any, content: str) -> str:
    """The content without special tokens, also such as only appear once another has gone."""
    before = None
    while content != before:
        before = content
        for mark in (*tokenizer.all_special_tokens, *SPECIAL_TOKENS):
            content = content.replace(mark, "")
    return content
