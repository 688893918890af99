"""Whether style is told apart: Burrows' Delta by the length of a bag, and the passage classifier.

python -m tests.bench_style [twins file]

Over several splits by document: a third of each author's documents, at least two, are held out at random;
scale, profiles and classifiers are made from the others. Each pair is two authors of one kind.

- Share right: bags of held-out words that are nearer to their own author than to the other of the pair.
  "pooled" draws a bag from all held-out documents of an author, "grouped" from as few whole documents as
  fill it, which is what `delta` does.
- Delta: the mean of `delta` for each author's held-out text to each profile, in bags of 1,000 words.
- AUC: held-out passages of an author against those of the other of the pair, and of all others.

Targets: all right at 1,000 words for the essayists, 90 % for the article authors, AUC 0.90 at 200 words.
The number of words, the bag and the penalty were chosen with these documents in view.
"""

import random
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Final

from llm_twin_assets.contracts import CLEANED_DOCUMENTS, RAW_DOCUMENTS, empty
from llm_twin_assets.documents.preparing import clean_documents
from llm_twin_assets.documents.rules import Rules
from llm_twin_assets.documents.splits import learnable
from llm_twin_assets.evaluation.delta import Profile, Scale, bags, delta, grouped, pooled, profile, scale
from llm_twin_assets.evaluation.style_classifier import StyleClassifier
from llm_twin_assets.evaluation.words import TooLittleText, own_words, passages, tokens
from llm_twin_assets.sources.connectors import look, raw_documents
from resources.catalog import Catalog
from resources.twins import load_twins

Texts = dict[str, list[str]]

SPLITS: Final = 6
BAGS: Final = (200, 500, 1_000, 5_000)
PASSAGES: Final = (50, 100, 200, 400)
NUMBERS: Final = (100, 150, 200, 300, 400, 500)


def main(config: str = "twins.yaml") -> None:
    """Print the tables for a twins file, whose path is relative to the working directory."""
    texts = read(Path(config).resolve())
    splits = [divided(texts, seed) for seed in range(SPLITS)]
    pairs = pairs_of(texts)
    for author, own in texts.items():
        print(f"{author}: {len(own)} documents, {sum(len(tokens(own_words(text))) for text in own):,} words")
    numbers(splits, pairs)
    deltas(splits)
    classifiers(splits, pairs)


def read(config: Path) -> Texts:
    """Each author's cleaned documents that a model may learn from, in the order of their ids."""
    with tempfile.TemporaryDirectory() as home:
        catalog = Catalog(load_twins(config), Path(home))
        raw = raw_documents(catalog, look(catalog), empty(RAW_DOCUMENTS)).rows
    rows = learnable(clean_documents(raw, empty(CLEANED_DOCUMENTS), Rules()).rows)
    return {str(author): list(found["text"]) for author, found in rows.groupby("author")}


def divided(texts: Texts, seed: int) -> tuple[Texts, Texts]:
    """Train and held-out documents of each author."""
    train, held = {}, {}
    for author, own in texts.items():
        order = random.Random(seed).sample(own, len(own))
        count = max(2, round(len(own) / 3))
        held[author], train[author] = order[:count], order[count:]
    return train, held


def pairs_of(texts: Texts) -> list[tuple[str, str]]:
    """Two authors of one kind each, by the mean length of their documents; all pairs of up to three."""
    if len(texts) < 4:
        return list(combinations(texts, 2))
    order = sorted(texts, key=lambda author: statistics.fmean(map(len, texts[author])))
    return list(zip(order[::2], order[1::2], strict=False))


def numbers(splits: list[tuple[Texts, Texts]], pairs: list[tuple[str, str]]) -> None:
    """Share right by the number of most frequent words and the length of a bag."""
    found: dict[tuple[object, ...], list[bool]] = defaultdict(list)
    for train, held in splits:
        measure = scale(train, max(NUMBERS))
        known = {author: profile(measure, own) for author, own in train.items()}
        bags_of = {(author, size): dict(cut(held[author], size)) for author in held for size in BAGS}
        for count, pair, size in product(NUMBERS, pairs, BAGS):
            for own, other in (pair, pair[::-1]):
                near, far = first(known[own], count), first(known[other], count)
                for how, made in bags_of[own, size].items():
                    found[count, pair, how, size] += [near.distance(one) < far.distance(one) for one in made]
    print(f"\nshare of bags nearer their own author, {len(splits)} splits (bags)")
    print(f"{'words in a bag':52}", *(f"{size:>14,}" for size in BAGS))
    for count, pair, how in dict.fromkeys(key[:3] for key in found):
        row = [found.get((count, pair, how, size), []) for size in BAGS]
        shares = (f"{sum(bag) / len(bag):.3f} ({len(bag):>5})" if bag else "-" for bag in row)
        print(f"{count} words, {names(pair)}, {how}".ljust(52), *(f"{share:>14}" for share in shares))


def cut(texts: list[str], size: int) -> Iterator[tuple[str, list[list[str]]]]:
    """The bags of held-out texts, by how they are made; none where there is too little text."""
    documents = pooled(texts)
    yield "pooled", bags(documents, size)
    if sum(map(len, documents)) >= size:
        yield "grouped", [bag for group in grouped(documents, size) for bag in bags(group, size)]


def first(known: Profile, count: int) -> Profile:
    """The profile over the first of its words."""
    measure = known.scale
    narrow = Scale(measure.words[:count], measure.means[:count], measure.deviations[:count])
    return Profile(narrow, known.z_scores[:count])


def deltas(splits: list[tuple[Texts, Texts]]) -> None:
    """The mean Delta of every author's held-out text to every profile, and the mean half interval."""
    found = defaultdict(list)
    for train, held in splits:
        measure = scale(train)
        for author, own in train.items():
            known = profile(measure, own)
            for writer, texts in held.items():
                try:
                    found[writer, author].append(delta(known, texts))
                except TooLittleText as missing:
                    print(f"{writer}: {missing}")
    print("\nDelta of held-out text (down) to profiles (across), bags of 1,000; mean, half the 95 % interval")
    print(f"{'':12}", *(f"{short(author):>20}" for author in splits[0][0]))
    for writer in splits[0][0]:
        print(f"{short(writer):12}", *(f"{told(found[writer, author]):>20}" for author in splits[0][0]))


def told(measured: list) -> str:
    halves = [(one.high - one.low) / 2 for one in measured if one.low is not None]
    half = f" ± {statistics.fmean(halves):.3f}" if halves else " (no interval)"
    return f"{statistics.fmean(one.mean for one in measured):.3f}{half}" if measured else "-"


def classifiers(splits: list[tuple[Texts, Texts]], pairs: list[tuple[str, str]]) -> None:
    """AUC of every author's classifier, and the mean score of own and others' held-out passages."""
    found: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for train, held in splits:
        held_out = {(a, size): pieces(own, size) for a, own in held.items() for size in PASSAGES}
        for author in train:
            others = [text for other, texts in train.items() if other != author for text in texts]
            model = StyleClassifier.fit(train[author], others)
            rival = next((pair[pair[0] == author] for pair in pairs if author in pair), None)
            for size in PASSAGES:
                theirs = [one for other in train if other != author for one in held_out[other, size]]
                found[author, "all", size].append(model.auc(held_out[author, size], theirs))
                found[author, "own", size].append(statistics.fmean(map(model.score, held_out[author, size])))
                found[author, "others", size].append(statistics.fmean(map(model.score, theirs)))
                if rival:
                    found[author, "pair", size].append(
                        model.auc(held_out[author, size], held_out[rival, size])
                    )
    print("\nclassifier on held-out passages: AUC against the other of the pair, against all; mean scores")
    print(f"{'words':34}", *(f"{size:>8}" for size in PASSAGES))
    for author, what in dict.fromkeys(key[:2] for key in found):
        row = (statistics.fmean(found[author, what, size]) for size in PASSAGES)
        print(f"{short(author)}, {what}".ljust(34), *(f"{value:8.3f}" for value in row))


def pieces(texts: list[str], size: int) -> list[str]:
    """The passages of about so many words, without a shorter document's."""
    cut = (piece for text in texts for piece in passages(own_words(text), size))
    return [piece for piece in cut if len(tokens(piece)) >= size]


def short(author: object) -> str:
    return str(author).split()[-1]


def names(pair: object) -> str:
    assert isinstance(pair, tuple)
    return " and ".join(map(short, pair))


if __name__ == "__main__":
    main(*sys.argv[1:])
