"""Whose adapter is it: every twin's adapter on every twin's held-out documents.

python -m tests.bench_authors TWINS_FILE HOME

HOME is a home folder in which `llm-twin run` has run on the twins file. Prints the change in bits per byte
from the base, negative is better; each author's own adapter should be the best in its row.
"""

import sys
from pathlib import Path

import torch

from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation.bits_per_byte import bits, window_of
from llm_twin_assets.evaluation.bootstrap import Paired, improvement
from llm_twin_assets.training.loading import load_adapted, load_base
from resources.models import Model, ModelStore
from resources.store import Store
from resources.twins import load_twins


def main(config: str, home: str) -> None:
    """Print one row for each author."""
    torch.set_num_threads(1)
    twins, store, models = load_twins(Path(config).resolve()), Store(Path(home)), ModelStore(Path(home))
    held = learnable(store.read("cleaned_documents"), "test")
    texts = {twin.name: list(held[held["author"] == twin.author]["text"]) for twin in twins.twins}
    base = _per_byte(models, None, texts)
    tuned = {name: _per_byte(models, models.current("aligned_model", name), texts) for name in twins.names}
    wins = 0
    for author in twins.names:
        changes = {name: _mean(tuned[name][author]) - _mean(base[author]) for name in twins.names}
        wins += sum(changes[author] < changes[name] for name in twins.names if name != author)
        told = "  ".join(f"{name} {change:+.4f}" for name, change in changes.items())
        names = [str(place) for place in range(len(base[author]))]
        pairs = Paired(names, [-value for value in base[author]], [-value for value in tuned[author][author]])
        print(f"{author} ({len(names)} documents): {told}\n    own gain {improvement(pairs)}", flush=True)
    print(f"own adapter better than another's: {wins} of {len(twins.names) * (len(twins.names) - 1)}")


def _per_byte(
    models: ModelStore, adapter: Model | None, texts: dict[str, list[str]]
) -> dict[str, list[float]]:
    base = models.current("base_model")
    assert base is not None
    model, tokenizer = load_base(models.location(base), "")
    if adapter is not None:
        model = load_adapted(model, models.location(adapter))
    window = window_of(model)
    return {
        author: [bits(model, tokenizer, text, window) / len(text.encode()) for text in own]
        for author, own in texts.items()
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main(*sys.argv[1:])
