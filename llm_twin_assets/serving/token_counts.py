"""How many tokens a text takes at a server whose tokenizer may not be known here."""

import threading
from pathlib import Path
from typing import Any, Final

from llm_twin_assets.training.chat import prompt_ids, text_ids, without_marks

# English takes four bytes a token, other languages fewer: three leaves room to be wrong.
BYTES_A_TOKEN: Final = 3
MARKS_OF_A_PROMPT: Final = 16


class TokenCounts:
    """Counts with the tokenizer in an adapter's folder, or guesses from the bytes where there is none.

    Raises OSError or ValueError for a tokenizer that cannot be read.
    """

    def __init__(self, folder: str) -> None:
        self._tokenizer = _tokenizer(folder)
        # A fast tokenizer refuses two threads at once.
        self._lock = threading.Lock()

    def of_prompt(self, message: str) -> int:
        """Tokens of a user's message up to where the answer begins."""
        if self._tokenizer is None:
            return _guess(message) + MARKS_OF_A_PROMPT
        with self._lock:
            return len(prompt_ids(self._tokenizer, [{"role": "user", "content": message}]))

    def of_text(self, text: str) -> int:
        """Tokens of plain text."""
        if self._tokenizer is None:
            return _guess(text)
        with self._lock:
            return len(text_ids(self._tokenizer, text))

    def without_marks(self, message: str) -> str:
        """The message without special tokens: a server would read them as another speaker's turn."""
        return message if self._tokenizer is None else without_marks(self._tokenizer, message)


def _guess(text: str) -> int:
    return -(-len(text.encode()) // BYTES_A_TOKEN)


def _tokenizer(folder: str) -> Any:
    if not (Path(folder) / "tokenizer_config.json").exists():
        return None
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)
