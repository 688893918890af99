"""Where continuous batching meets our jobs: the rows of a step's scores, and the tokens that came of them."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from transformers import LogitsProcessorList
from transformers.generation.continuous_batching.cb_logits_processors import (
    ContinuousBatchingLogitsProcessorList,
)
from transformers.generation.continuous_batching.continuous_api import OutputRouter
from transformers.generation.continuous_batching.requests import RequestState, RequestStatus

from llm_twin_assets.serving.generation import Job, chooser_of, next_scores
from llm_twin_assets.serving.grounded import Chooser
from llm_twin_assets.serving.routed_lora import Routing

NOT_NUMBERS: Final = "the model's scores are not numbers: its weights are damaged"

# (job id, new tokens, whether it is finished, what went wrong)
News = tuple[str, list[int], bool, str | None]


class Request(RequestState):
    """The library's state of a request, which takes tokens that are certain without asking the model."""

    def update_and_check_completion(self, token_id: int, logprob: float | None) -> bool:
        """Note the next token, and those that must follow it; whether the answer is finished."""
        if super().update_and_check_completion(token_id, logprob):
            return True
        job = _job(self)
        chooser = chooser_of(job)
        forced = chooser.forced([*job.said, *self.generated_tokens]) if chooser else ()
        if not forced:
            return False
        self.generated_tokens.extend(forced)
        if forced[-1] == job.end:
            self.status = RequestStatus.FINISHED
            return True
        # Read in one step, as the rest of a prompt that did not fit into the step before.
        self.remaining_prefill_tokens = [token_id, *forced]
        self.status = RequestStatus.PREFILLING
        return False


class Rows(ContinuousBatchingLogitsProcessorList):
    """Takes the place of the library's list of logits processors: each row follows its own job's plan."""

    def __init__(self, routing: Routing) -> None:
        super().__init__(LogitsProcessorList())
        self.do_processing = True
        self._routing = routing
        self._speaking: list[Any] = []
        self._choosers: dict[str, Chooser | None] = {}

    def check_kwargs(self, kwargs: dict[str, Any]) -> None:
        """A request's only keyword is our job, which needs no check."""

    def prepare_tensor_args(self, requests_in_batch: list[Any], arg_storage: torch.Tensor) -> torch.Tensor:
        """Note whose tokens the next step reads, and whose next token it decides."""
        self._routing.set([(_job(one.state).adapter, one.query_length) for one in requests_in_batch])
        self._speaking = [one.state for one in requests_in_batch if one.has_new_token]
        there = {state.request_id for state in self._speaking}
        self._choosers = {key: value for key, value in self._choosers.items() if key in there}
        return arg_storage

    def __call__(
        self, input_ids: torch.LongTensor, scores: torch.Tensor, logits_processor_args: torch.Tensor
    ) -> torch.Tensor:
        """Scores (answers, vocabulary) whose greatest in each row is the token to say."""
        sound = (~scores.isnan().any(-1)).tolist()
        for row, state in enumerate(self._speaking):
            scores[row] = self._row(state, scores[row], sound[row])
        return scores

    def _row(self, state: Any, scores: torch.Tensor, sound: bool) -> torch.Tensor:
        job = _job(state)
        if not sound:
            state.error = NOT_NUMBERS
            return _only(job.end, scores)
        if job.job_id not in self._choosers:
            self._choosers[job.job_id] = chooser_of(job)
        said = [*state.initial_tokens, *state.generated_tokens][len(job.prompt) :]
        return next_scores(job, self._choosers[job.job_id], said, scores)


class Router(OutputRouter):
    """Takes the place of the library's router: hands over what all answers of a step gained, at once.

    give_up: what to do once the library has failed an answer, which it does when its loop has ended.
    """

    def __init__(self, tell: Callable[[list[News]], None], give_up: Callable[[], None]) -> None:
        super().__init__()
        self._tell, self._give_up = tell, give_up
        self._told: dict[str, int] = {}

    def deliver(self, output: Any) -> None:
        """Hand over the news of one answer."""
        self.deliver_batch([output])

    def deliver_batch(self, outputs: Sequence[Any]) -> None:
        """Hand over the news of a step."""
        if any(one.status == RequestStatus.FAILED for one in outputs):
            self._give_up()
        self._tell([self._news(one) for one in outputs])

    def _news(self, output: Any) -> News:
        tokens, finished = output.generated_tokens, output.is_finished()
        new = tokens[self._told.get(output.request_id, 0) :]
        self._told[output.request_id] = len(tokens)
        if finished:
            del self._told[output.request_id]
        return output.request_id, new, finished, output.error


def _only(token: int, scores: torch.Tensor) -> torch.Tensor:
    chosen = scores.new_full(scores.shape, float("-inf"))
    chosen[token] = 0.0
    return chosen


def _job(state: Any) -> Job:
    job: Job = state.logit_processor_kwargs["job"]
    return job
