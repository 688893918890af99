"""Whether what was asked in production is a question that models or retrieval are evaluated with.

An evaluation question that a model has learned from measures memory. Questions are short, so that word
13-grams (Brown et al., arXiv 2005.14165, appendix C) find only pasted passages; near ones are found by the
stems that both have, which case, punctuation, word order, inflection and one word in four do not change.
Other words for the same thing are not seen.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pandas as pd

from llm_twin_assets.contracts import digest
from llm_twin_assets.datasets.leaks import grams
from llm_twin_assets.documents.shingles import normalised
from llm_twin_assets.reasons import Reason
from llm_twin_assets.retrieval.qrels import heading_queries
from llm_twin_assets.retrieval.questions import hand_written
from llm_twin_assets.sources.encoded_text import without_invisible
from llm_twin_assets.sources.reading import Refused
from resources.store import Store
from resources.terms import query_terms
from resources.twins import Twins

# Jaccard similarity of two questions' stems from which they ask the same.
NEAR_FROM: Final = 0.6
# A question that holds this share of an evaluation question's stems, of at least so many, contains it.
CONTAINED_FROM: Final = 0.9
FEWEST_CONTAINED: Final = 4


class Questions:
    """Questions, of which those near to another are found without comparing every two."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._stems: list[frozenset[object]] = []
        self._having: defaultdict[object, list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Know a question; one without a letter or digit is near to none."""
        stems = _stems(text)
        for stem in stems:
            self._having[stem].append(len(self._stems))
        self._stems.append(stems)

    def near(self, text: str) -> list[int]:
        """The places, in the order of adding, of the questions that ask nearly the same; symmetric."""
        stems = _stems(text)
        return [
            place
            for place, shared in sorted(self._shared(stems).items())
            if shared >= NEAR_FROM * (len(stems) + len(self._stems[place]) - shared)
        ]

    def within(self, text: str) -> bool:
        """Whether a text holds nearly all of a known question's stems, whatever stands around it."""
        return any(
            shared >= CONTAINED_FROM * len(self._stems[place]) and shared >= FEWEST_CONTAINED
            for place, shared in self._shared(_stems(text)).items()
        )

    def _shared(self, stems: Iterable[object]) -> Counter[int]:
        return Counter(place for stem in stems for place in self._having.get(stem, ()))


class HeldOut:
    """What no training row may be near to: evaluation questions, and the held-out documents' words.

    version: changes with any of them.
    """

    def __init__(self, questions: Iterable[str], texts: Iterable[str]) -> None:
        asked, held = list(questions), list(texts)
        self.version = digest(asked, held)
        self._questions = Questions(asked)
        self._grams: set[str] = set().union(*map(grams, (*asked, *held)))

    def check(self, question: str, *texts: str) -> None:
        """Raise Refused where a question is one of the evaluation, or shares 13 words, as do other texts."""
        if self._questions.near(question) or self._questions.within(question):
            raise Refused(Reason.EVALUATION_QUESTION, "models or retrieval are evaluated with this question")
        if any(self._grams & grams(plain(text)) for text in (question, *texts)):
            raise Refused(Reason.SHARED_NGRAM, "it shares 13 words in a row with held-out text")


def held_out(
    documents: pd.DataFrame, instruct: pd.DataFrame, chunks: pd.DataFrame, questions: Path | None
) -> HeldOut:
    """What a twin is evaluated with: held-out instruct rows, headings and hand-written questions, documents.

    questions: the file that retrieval is measured by, or None. Raises QuestionsFileError.
    """
    held = instruct[instruct["split"] != "train"]
    queries = [*heading_queries(chunks), *hand_written(questions, chunks).queries]
    asked = [*map(str, held["instruction"]), *(query.text for query in queries)]
    texts = documents[documents["split"] != "train"]["text"]
    return HeldOut(asked, [*map(str, held["answer"]), *map(str, texts)])


def evaluated(store: Store, twins: Twins, twin: str) -> HeldOut:
    """What a twin is evaluated with as the store is now. Raises NotMaterialized, QuestionsFileError."""
    instruct = store.read_or_empty("instruct_dataset", twin)
    chunks = store.read_or_empty("cleaned_chunks")
    return held_out(store.read("cleaned_documents"), instruct, chunks, twins.questions)


def plain(text: str) -> str:
    """A text in ordinary letters, without characters that nobody sees."""
    return unicodedata.normalize("NFKC", without_invisible(text))


def _stems(text: str) -> frozenset[object]:
    """The stems of a question that are not mere grammar; its words where there are none."""
    words = plain(text)
    return frozenset(query_terms(words).indices) or frozenset(normalised(words).split())
