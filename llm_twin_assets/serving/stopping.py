"""From tokens to pieces of text that can be shown: whole characters only, and nothing after a stop string."""

from collections.abc import Sequence
from typing import Any


class Pieces:
    """Takes the tokens of one answer and gives the text that each makes certain."""

    def __init__(self, tokenizer: Any, stops: Sequence[str] = ()) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer.backend_tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self._begun = False
        self.stopped = False

    def add(self, token: int) -> str:
        """The text that can be shown now; empty while a character or a stop string may be in the making."""
        text = self._stream.step(self._tokenizer, token) or ""
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        self._held += text
        found = [(at + len(stop), at) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            # The one that was complete first is the one that was generated first.
            shown, self._held = self._held[: min(found)[1]], ""
            return shown
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown

    def rest(self) -> str:
        """What was held back, once no more tokens come."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text may be the beginning of the stop string."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
