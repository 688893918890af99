"""How a release answers: the numbers that are part of its manifest."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from llm_twin_assets.training.prompt import PASSAGES, PROMPT, TEMPERATURE, TOP_P
from resources.settings import Settings


@dataclass(frozen=True)
class Decoding:
    """What a manifest's `decoding` holds.

    min_similarity: below it a question is declined; it is the mean of two cosines with the question, that of
    the best passage and of the best sentence. Chosen with all-MiniLM-L6-v2 and six authors on 103 questions
    about what they wrote and 240 about other things, of which 5 % and 4 % are decided wrongly at 0.39; of 60
    and 180 fresh ones, 7 % and 2 %.
    max_new_tokens: the longest answer; temperature and top_p are used by free generation only.
    """

    generation: Literal["grounded", "free"] = "grounded"
    passages: int = PASSAGES
    min_similarity: float = 0.39
    max_sentences: int = 3
    max_new_tokens: int = 256
    temperature: float = TEMPERATURE
    top_p: float = TOP_P


def configured(settings: Settings) -> tuple[str, dict[str, Any]]:
    """The prompt and the decoding that a new release is made with."""
    return PROMPT, asdict(Decoding(generation=settings.generation))
