"""Grounded decoding: generation that can only spell out whole sentences of the retrieved passages.

Each candidate sentence is a list of tokens, and no list begins with another, so any row of tokens
reads in one way: as finished candidates and the beginning of the next. At the beginning of a sentence
the next token must begin an unused candidate, or end the answer; within one it must continue it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# In units of cosine similarity. With 83 headings asked for ("What do you say about ...?") the first
# sentence lay in the section of that heading in 55 % at a sentence weight of 0, 52 % at 0.15, 36 % at 0.5.
# The other weights were set by reading the answers to some fifty questions.
SENTENCE_WEIGHT = 0.15
QUESTION_PENALTY = 0.1
SUCCESSOR_BONUS = 0.1
STOP_BELOW_FIRST = 0.05
# Per nat of the model's own likelihood of a token, which is cut at LEAST_LIKELY.
LIKELIHOOD_WEIGHT = 0.003
LEAST_LIKELY = -10.0


@dataclass(frozen=True)
class Spelled:
    """A candidate sentence in tokens; `prior` and `follows` as in engine.Candidate."""

    tokens: tuple[int, ...]
    prior: float
    follows: int | None = None


def prior(passage_score: float, similarity: float, is_question: bool) -> float:
    """How much a sentence is wanted: cosine of its passage, and of itself, with the question."""
    return passage_score + SENTENCE_WEIGHT * similarity - QUESTION_PENALTY * is_question


def spelled(
    text: str, encode: Callable[[str], list[int]], decode: Callable[[list[int]], str]
) -> tuple[int, ...]:
    """The tokens of a sentence, or none where they do not decode to exactly that sentence.

    Encoded with a leading space, as inside a text; some tokenizers drop that space when they decode.
    """
    tokens = encode(" " + text)
    return tuple(tokens) if decode(tokens) in (" " + text, text) else ()


def unambiguous(candidates: Sequence[Spelled]) -> list[bool]:
    """Which candidates to keep so that none is spelled like the beginning of another (best prior first)."""
    kept: set[int] = set()
    for position in sorted(range(len(candidates)), key=lambda at: -candidates[at].prior):
        tokens = candidates[position].tokens
        if tokens and not any(_one_begins_the_other(tokens, candidates[other].tokens) for other in kept):
            kept.add(position)
    return [position in kept for position in range(len(candidates))]


def _one_begins_the_other(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    length = min(len(first), len(second))
    return first[:length] == second[:length]


class Chooser:
    """Which token may come next, and how much it is wanted; knows nothing of tensors.

    The first sentence is chosen by passage rank and sentence similarity alone. Later ones also by
    whether they directly follow, with the model's own likelihood as a small term; the answer ends
    when nothing left is wanted nearly as much as the first sentence was.
    """

    def __init__(self, candidates: Sequence[Spelled], end: int, room: int, max_sentences: int) -> None:
        self.candidates = candidates
        self.end = end
        self._room = room
        self._max_sentences = max_sentences

    def read(self, tokens: Sequence[int]) -> tuple[list[int], tuple[int, ...]]:
        """The candidates that are finished, and the tokens of the one that is begun."""
        finished: list[int] = []
        rest = tuple(tokens)
        while (position := self._complete(rest)) is not None:
            finished.append(position)
            rest = rest[len(self.candidates[position].tokens) :]
        return finished, rest

    def live(self, finished: Sequence[int], begun: tuple[int, ...]) -> list[int]:
        """The candidates that the tokens begun may still become."""
        return [at for at in self._open(finished) if self.candidates[at].tokens[: len(begun)] == begun]

    def decided(self, tokens: Sequence[int]) -> list[int]:
        """The candidates that are said or can only become one, in order."""
        finished, begun = self.read(tokens)
        live = self.live(finished, begun) if begun else []
        return finished + (live if len(live) == 1 else [])

    def forced(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """The tokens that come next whatever the model says, up to where it has a say; the end token too.

        So a sentence costs the model one step, not one for each of its tokens.
        """
        said = list(tokens)
        while more := self._forced_next(said):
            said.extend(more)
            if more[-1] == self.end:
                break
        return tuple(said[len(tokens) :])

    def _forced_next(self, tokens: Sequence[int]) -> tuple[int, ...]:
        finished, begun = self.read(tokens)
        live = self.live(finished, begun)
        if not live:
            return (self.end,)
        if not finished:
            # The first sentence is chosen by its prior alone.
            best = max(live, key=lambda at: self.candidates[at].prior)
            return self.candidates[best].tokens[len(begun) :]
        if not begun:
            return ()
        return _shared([self.candidates[at].tokens[len(begun) :] for at in live])

    def wanted(self, tokens: Sequence[int]) -> tuple[dict[int, float], float]:
        """Every token that may come next with its value, and the weight of the model's likelihood."""
        finished, begun = self.read(tokens)
        live = self.live(finished, begun)
        values: dict[int, float] = {}
        for at in live:
            token = self.candidates[at].tokens[len(begun)]
            values[token] = max(values.get(token, float("-inf")), self._value(at, finished))
        if not begun and (finished or not live):
            values[self.end] = self._value_of_ending(finished)
        return values, LIKELIHOOD_WEIGHT if finished else 0.0

    def _complete(self, tokens: tuple[int, ...]) -> int | None:
        spelled_out = (
            at for at, one in enumerate(self.candidates) if tokens[: len(one.tokens)] == one.tokens
        )
        return next(spelled_out, None)

    def _open(self, finished: Sequence[int]) -> list[int]:
        left = self._room - sum(len(self.candidates[at].tokens) for at in finished)
        if len(finished) >= self._max_sentences:
            return []
        return [at for at, one in enumerate(self.candidates) if at not in finished and len(one.tokens) < left]

    def _value(self, at: int, finished: Sequence[int]) -> float:
        candidate = self.candidates[at]
        follows = bool(finished) and candidate.follows == finished[-1]
        return candidate.prior + SUCCESSOR_BONUS * follows

    def _value_of_ending(self, finished: Sequence[int]) -> float:
        return self.candidates[finished[0]].prior - STOP_BELOW_FIRST if finished else 0.0


def _shared(rows: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """What all rows begin with."""
    shortest = min(map(len, rows))
    differs = (at for at in range(shortest) if len({row[at] for row in rows}) > 1)
    return rows[0][: next(differs, shortest)]


def weighed(values: dict[int, float], weight: float, scores: Any) -> Any:
    """The scores (vocabulary) of the next token, in which only those that may come are finite."""
    tokens = list(values)
    likelihood = scores.log_softmax(-1)[tokens].clamp(min=LEAST_LIKELY)
    result = scores.new_full(scores.shape, float("-inf"))
    result[tokens] = likelihood.new_tensor(list(values.values())) + weight * likelihood
    return result
