"""A base model and its adapters on transformers' continuous batching: every step serves all answers.

Prefix sharing is off, because the keys and values of a prompt depend on the adapter that read it.
Batches are prepared one after the other, because the next token's choice needs the one before.
"""

from collections.abc import Callable
from typing import Any, Final

import torch
from peft import LoraConfig, PeftModel
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.utils import logging as library_logging

from llm_twin_assets.serving.batch_rows import News, Request, Router, Rows
from llm_twin_assets.serving.generation import Job, context_of
from llm_twin_assets.serving.routed_lora import Routing, check_routable, route
from llm_twin_assets.training.loading import load_base
from llm_twin_assets.training.precision import weights_format

# Answers in one step; more wait their turn.
MOST_ANSWERS: Final = 32
# Prompt tokens read in one step beside the answers that go on: more would make those wait for it.
STEP_TOKENS: Final = 512
PAGE_TOKENS: Final = 128
# Keys and values of so many tokens are held; the size of the model decides how much memory that is.
MOST_CACHED_TOKENS: Final = 32_768


class Batches:
    """Generates many answers at once; `tell` is called from the generation's thread after each step.

    give_up: called in its place once that thread has failed.
    """

    def __init__(
        self, base: str, revision: str, tell: Callable[[list[News]], None], give_up: Callable[[], None]
    ) -> None:
        self._base, self._revision = base, revision
        self._router = Router(tell, give_up)
        self._routing = Routing()
        self._model: Any = None
        self._adapted: Any = None
        self._manager: Any = None
        self._left: set[str] = set()

    def load(self, adapter: str, folder: str) -> None:
        """Put an adapter beside those there are; raises BrokenModel, OSError or peft's ValueError."""
        check_routable(LoraConfig.from_pretrained(folder))
        if self._adapted is None:
            model = _loaded(self._base, self._revision)
            self._adapted = PeftModel.from_pretrained(model, folder, adapter_name=adapter).eval()
            self._model = model
            route(model, self._routing)
            self._manager = _manager(model, self._routing, self._router)
            self._manager.start()
            return
        self._left.discard(adapter)
        if adapter not in self._adapted.peft_config:
            with self._manager.pause():
                self._add(adapter, folder)
        self._sweep()

    def unload(self, adapter: str) -> None:
        """Forget an adapter that no job uses; the last one goes when the next has come."""
        self._left.add(adapter)
        self._sweep()

    def begin(self, job: Job) -> None:
        """Generate from now on; `tell` hears of it."""
        state = Request(
            request_id=job.job_id,
            initial_tokens=[*job.prompt, *job.said],
            max_new_tokens=job.limit - len(job.said),
            streaming=True,
            eos_token_id=job.end,
            logit_processor_kwargs={"job": job},
        )
        # What the manager's own add_request does, with our kind of request.
        self._manager.input_queue.put(state)
        self._manager._wake_up_loop.set()

    def cancel(self, job_id: str) -> None:
        """Generate it no further."""
        self._manager.cancel_request(job_id)

    def _sweep(self) -> None:
        for adapter in sorted(self._left):
            if len(self._adapted.peft_config) > 1:
                with self._manager.pause():
                    self._adapted.delete_adapter(adapter)
                    route(self._model, self._routing)
                self._left.remove(adapter)

    def _add(self, adapter: str, folder: str) -> None:
        try:
            self._adapted.load_adapter(folder, adapter_name=adapter)
            self._adapted.eval()
        except Exception:
            if adapter in self._adapted.peft_config:
                self._adapted.delete_adapter(adapter)
            raise
        finally:
            route(self._model, self._routing)


def _loaded(base: str, revision: str) -> Any:
    library_logging.disable_progress_bar()
    model, _ = load_base(base, revision, **weights_format(quantized=False))
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def _manager(model: Any, routing: Routing, router: Router) -> Any:
    context = context_of(model.config)
    cached = max(min(MOST_CACHED_TOKENS, MOST_ANSWERS * context), 2 * context)
    settings = ContinuousBatchingConfig(
        page_size=PAGE_TOKENS,
        num_blocks=-(-cached // PAGE_TOKENS),
        max_batch_tokens=STEP_TOKENS,
        max_requests_per_batch=MOST_ANSWERS,
        allow_block_sharing=False,
        use_async_batching=False,
        use_cuda_graph=False,
    )
    manager = model.init_continuous_batching(
        generation_config=GenerationConfig(do_sample=False, eos_token_id=-1),
        continuous_batching_config=settings,
    )
    manager.logit_processor = Rows(routing)
    manager.output_router = router
    return manager
