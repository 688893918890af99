"""In which language a text is written, judged by its prose alone."""

import re
from collections import Counter
from collections.abc import Sequence
from threading import Lock
from typing import Any

from llm_twin_assets.sources.markdown import lines

_FEWEST_WORDS, _ENOUGH = 20, 10_000
# Scripts without spaces between words (Thai, Lao, Burmese, Khmer, kana, ideographs): a letter counts as one.
_UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_WORD = re.compile(rf"{_UNSPACED}|[^\W\d_]+")
_NO_PROSE = re.compile(
    r"`[^`\n]+`|https?://[^\s)>\]]+|www\.[^\s)>\]]+|\S+@\S+\.\w+|\$[^$\n]{1,200}\$"
    r"|<[^<>\n]{1,200}>|\[[A-Z][A-Z_]+\]|\{\{? ?[\w.]+ ?\}?\}"
)
_lock = Lock()
_loaded: list[Any] = []


def prose_of(text: str) -> str:
    """A Markdown text without code, table rows, URLs, e-mail addresses, tags, formulas and placeholders."""
    kept = (line.text for line in lines(text) if not line.code and not line.text.lstrip().startswith("|"))
    return _NO_PROSE.sub(" ", "\n".join(kept))


def count_words(prose: str) -> int:
    """How many words of letters a text holds; in scripts without spaces every letter counts."""
    return sum(1 for _ in _WORD.finditer(prose))


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of a Markdown text's prose, None below 20 words or for a language without one.

    Judged by its first 10,000 characters, with py3langid's naive Bayes model over byte n-grams
    (Lui and Baldwin 2012, "langid.py").
    """
    prose = prose_of(text)
    if count_words(prose) < _FEWEST_WORDS:
        return None
    language, _ = _identifier().classify(prose[:_ENOUGH])
    return language if len(language) == 2 else None


def author_language(languages: Sequence[tuple[str | None, int]]) -> str | None:
    """The language of most of an author's words, given each document's (language, words).

    Documents of no known language do not count; between equals the first in the alphabet wins.
    """
    words: Counter[str] = Counter()
    for language, number in languages:
        words.update({language: number} if language else {})
    return min(words, key=lambda language: (-words[language], language), default=None)


def _identifier() -> Any:
    """py3langid's identifier, loaded at the first use, by one thread."""
    with _lock:
        if not _loaded:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            _loaded.append(LanguageIdentifier.from_model_file(MODEL_FILE))
        return _loaded[0]
