"""Grounded answers from any server: the model may only choose numbers of sentences, by a JSON schema.

What it says is checked, and where it does not obey, the sentences are chosen without it. So an answer
is made of true quotations whatever the server does.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from llm_twin_assets.serving.engine import Candidate
from llm_twin_assets.serving.grounded import STOP_BELOW_FIRST, SUCCESSOR_BONUS
from resources.answer_schema import faults

# Around each sentence of the list: its number, brackets and the line's end.
TOKENS_A_LINE: Final = 6
# The instruction, the reply and a repair turn.
TOKENS_AROUND: Final = 320


class Unusable(ValueError):
    """The reply is not the choice asked for; the message says what is wrong with it."""


def allowed(candidates: Sequence[Candidate], sizes: Sequence[int], limit: int) -> list[int]:
    """The positions of the candidates shorter than `limit` tokens, of equal texts the one most wanted."""
    best: dict[str, int] = {}
    for at, candidate in enumerate(candidates):
        if sizes[at] <= limit and candidate.prior > _prior(candidates, best.get(candidate.text)):
            best[candidate.text] = at
    return sorted(best.values())


def shown(
    candidates: Sequence[Candidate], sizes: Sequence[int], among: Sequence[int], room: int
) -> list[int]:
    """As many of the candidates most wanted as a prompt has `room` (tokens) for, in their own order."""
    left = room - TOKENS_AROUND
    fitting = []
    for at in sorted(among, key=lambda at: -candidates[at].prior):
        left -= sizes[at] + TOKENS_A_LINE
        if left < 0:
            break
        fitting.append(at)
    return sorted(fitting)


def instructed(message: str, texts: Sequence[str], max_sentences: int) -> str:
    """The user's message with the numbered sentences, and what to do with them."""
    listed = "\n".join(f"[{number}] {' '.join(text.split())}" for number, text in enumerate(texts, 1))
    return (
        f"{message}\n\nThese sentences of your own may be quoted, and nothing else may be said:\n{listed}\n\n"
        f"Choose at most {max_sentences} of them that answer the question best, in the order to say them. "
        'Answer with JSON only, for example {"sentences": [2, 5]}.'
    )


def form(count: int, max_sentences: int) -> dict[str, Any]:
    """The response_format that asks for such a choice."""
    named = {"name": "choice", "schema": schema(count, max_sentences), "strict": True}
    return {"type": "json_schema", "json_schema": named}


def schema(count: int, max_sentences: int) -> dict[str, Any]:
    """The JSON schema of a choice among sentences 1 to `count`."""
    numbers = {
        "type": "array",
        "items": {"type": "integer", "enum": list(range(1, count + 1))},
        "minItems": 1,
        "maxItems": max_sentences,
    }
    return {
        "type": "object",
        "properties": {"sentences": numbers},
        "required": ["sentences"],
        "additionalProperties": False,
    }


def picked(reply: str, count: int, max_sentences: int) -> list[int]:
    """The positions, from 0, that a reply chooses; raises Unusable."""
    try:
        found = json.loads(reply)
    except (ValueError, RecursionError):
        raise Unusable("it is not JSON") from None
    if wrong := faults(found, schema(count, max_sentences)):
        raise Unusable("; ".join(wrong))
    numbers = found["sentences"]
    # For Python true and 1.0 are 1.
    if not all(type(number) is int for number in numbers):
        raise Unusable("sentences holds what is no whole number")
    if len(set(numbers)) < len(numbers):
        raise Unusable("a number stands twice in sentences")
    return [number - 1 for number in numbers]


def repair(reply: str, wrong: str) -> list[dict[str, str]]:
    """The turn in which an unusable reply goes back."""
    told = f"That is not the choice asked for: {wrong}. Answer again, with the JSON object only."
    # Servers refuse a message without words.
    return [{"role": "assistant", "content": reply or "(nothing)"}, {"role": "user", "content": told}]


def by_prior(candidates: Sequence[Candidate], among: Sequence[int], max_sentences: int) -> list[int]:
    """The choice without a model: as grounded.Chooser chooses with no weight on the model's likelihood."""

    def value(at: int) -> float:
        follows = bool(said) and candidates[at].follows == said[-1]
        return candidates[at].prior + SUCCESSOR_BONUS * follows

    said: list[int] = []
    while len(said) < max_sentences and (left := [at for at in among if at not in said]):
        best = max(left, key=value)
        if said and value(best) < candidates[said[0]].prior - STOP_BELOW_FIRST:
            break
        said.append(best)
    return said


def ordered(picks: Sequence[int], candidates: Sequence[Candidate]) -> list[int]:
    """The picks as they were put, but each right after the one that it follows in its document."""
    order: list[int] = []

    def say(pick: int) -> None:
        if pick not in order:
            order.append(pick)
            for other in picks:
                if candidates[other].follows == pick:
                    say(other)

    for pick in sorted(picks, key=lambda pick: candidates[pick].follows in picks):
        say(pick)
    return order


def within(picks: Sequence[int], sizes: Sequence[int], limit: int) -> list[int]:
    """Those of the picks that have room in `limit` tokens together, the first ones first."""
    kept = []
    for pick in picks:
        if sizes[pick] <= limit:
            limit -= sizes[pick]
            kept.append(pick)
    return kept


def _prior(candidates: Sequence[Candidate], at: int | None) -> float:
    return float("-inf") if at is None else candidates[at].prior
