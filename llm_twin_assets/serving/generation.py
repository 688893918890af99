"""What the generation process is asked for, and which token comes next in each of its answers.

Plans are small and can be sent to another process. A plan decides from the tokens said so far alone,
so an answer that was begun elsewhere goes on as it would have gone on there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from llm_twin_assets.serving.grounded import Chooser, Spelled, weighed

USUAL_CONTEXT: Final = 2048


def context_of(config: Any) -> int:
    """How many tokens a model takes; models that do not say take USUAL_CONTEXT."""
    return int(getattr(config, "max_position_embeddings", None) or USUAL_CONTEXT)


@dataclass(frozen=True)
class Quoting:
    """Only whole candidates are spelled out (see grounded.py)."""

    candidates: tuple[Spelled, ...]
    max_sentences: int


@dataclass(frozen=True)
class Drawing:
    """Each token is drawn from the model's distribution; at a temperature of 0 the likeliest is taken."""

    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True)
class Job:
    """One answer to generate: at most `limit` tokens after `prompt`, or until `end`.

    said: the tokens of the answer that were generated before, which the limit includes.
    """

    job_id: str
    adapter: str
    prompt: tuple[int, ...]
    end: int
    limit: int
    plan: Quoting | Drawing
    said: tuple[int, ...] = ()


def chooser_of(job: Job) -> Chooser | None:
    """The chooser of a job that quotes."""
    if isinstance(job.plan, Drawing):
        return None
    return Chooser(job.plan.candidates, job.end, job.limit, job.plan.max_sentences)


def next_scores(job: Job, chooser: Chooser | None, said: Sequence[int], scores: Any) -> Any:
    """The model's scores (vocabulary) changed so that the greatest is the token to say."""
    if chooser is not None:
        return weighed(*chooser.wanted(said), scores)
    assert isinstance(job.plan, Drawing)
    return _drawn(job.plan, len(said), scores)


def _drawn(plan: Drawing, position: int, scores: Any) -> Any:
    """Scores whose maximum is a draw from the nucleus: with Gumbel noise (Gumbel 1954; Holtzman et al. 2020).

    The noise depends on seed and position alone.
    """
    import torch

    if plan.temperature == 0:
        return scores
    scores = _nucleus(scores / plan.temperature, plan.top_p)
    source = torch.Generator().manual_seed(plan.seed * 1_000_003 + position)
    uniform = torch.rand(scores.shape, generator=source).clamp_(min=1e-20).to(scores.device)
    return scores - (-uniform.log()).log()


def _nucleus(scores: Any, top_p: float) -> Any:
    if top_p >= 1:
        return scores
    ordered, places = scores.sort(descending=True)
    before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
    return scores.masked_fill(before.gather(0, places.argsort()) >= top_p, float("-inf"))
