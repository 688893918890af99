"""What a twin's evaluation costs, what it shows, and how its guards judge a model against itself.

    python -m tests.bench_evaluation [HOME] [TWIN]

HOME is a home folder in which `llm-twin run` has run. The challenger is evaluated as if nothing had been
released or measured. Then it is asked the same prompts again with other random numbers (each question
ends in one more blank): a guard that does not hold there is too narrow for the spread of answers.
"""

import dataclasses
import sys
import time
from pathlib import Path

from llm_twin_assets.evaluation.arms import Arm, Item
from llm_twin_assets.evaluation.evaluating import evaluate, line_up
from llm_twin_assets.evaluation.guarding import guards
from llm_twin_assets.evaluation.guards import judged
from llm_twin_assets.evaluation.lineup import asking
from llm_twin_assets.evaluation.reporting import arms_table
from llm_twin_assets.retrieval.search import build_searcher
from resources.models import ModelStore
from resources.releases import Releases
from resources.settings import Settings
from resources.store import Store
from resources.twins import load_twins


def main(home=".llm_twin", twin="nora"):
    """Print the costs, the arms, and the guards of the model against itself."""
    settings = Settings(home=Path(home))
    made = lined_up(settings, twin)
    started, used = time.perf_counter(), time.process_time()
    report, _ = evaluate(made, {}, settings.threads)
    seconds = time.perf_counter() - started, time.process_time() - used
    print(f"{len(report['prompts'])} prompts, {report['test_documents']} documents")
    print(f"{seconds[0]:.1f} s, {seconds[1]:.1f} CPU seconds with {settings.threads} threads")
    started = time.perf_counter()
    evaluate(made, report, settings.threads)
    print(f"again, with everything known: {time.perf_counter() - started:.1f} s")
    print(f"{report['decision']}: {report['reason']}\n{arms_table(report)}")
    print(f"retrieval: {report['retrieval']}; orders: {report['orders']}; lacking: {report['lacking']}")
    print("\nagainst the base")
    tell(guard["reason"] for guard in report["guards"])
    print("\nagainst itself, with other random numbers")
    again, _ = evaluate(asked_again(made), {}, settings.threads)
    arms = {"base": tuned(report), "tuned": tuned(again)}
    tell(judged(guard).reason for guard in guards(arms, "base"))


def lined_up(settings, twin):
    """The twin's line-up without its champion."""
    store, declared = Store(settings.home), load_twins(settings.config).twin(twin)
    searcher = build_searcher(settings)
    asked = asking(store.read("instruct_dataset", twin), declared.public, searcher)
    place = ModelStore(settings.home), Releases(settings.home)
    made = line_up(*place, twin, declared.author, store.read("cleaned_documents"), asked)
    return dataclasses.replace(made, champion=None, release_id=None, is_quarantined=False)


def asked_again(made):
    """The same line-up, whose questions draw other random numbers."""
    prompts = [dataclasses.replace(one, instruction=one.instruction + " ") for one in made.asking.prompts]
    return dataclasses.replace(made, asking=dataclasses.replace(made.asking, prompts=prompts))


def tuned(report):
    """The tuned model's arm in a report."""
    arm = report["arms"]["tuned"]
    return Arm("tuned", arm["version"], arm["state"], [Item(**item) for item in arm["items"]], arm["styles"])


def tell(lines):
    for line in lines:
        print(f"- {line}")


if __name__ == "__main__":
    main(*sys.argv[1:])
