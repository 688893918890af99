"""Burrows' Delta on two real authors, those of the manual, and on text that nobody wrote."""

import random
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_twin_assets.evaluation.delta import BAG, Profile, Scale, bags, delta, grouped, profile, scale
from llm_twin_assets.evaluation.words import TooLittleText, own_words, tokens

MANUAL = Path(__file__).parents[3] / "docs/manual"
NORA, VIKTOR = "Nora Adeyemi", "Viktor Brandt"


def pages():
    """The manual's pages by author, every third held out: {author: (train, held)}."""
    found = {NORA: [], VIKTOR: []}
    for path in sorted(MANUAL.glob("*.md")):
        _, front, text = path.read_text(encoding="utf-8").split("---\n", 2)
        found[yaml.safe_load(front)["author"]].append(text)
    return {who: ([t for n, t in enumerate(own) if n % 3], own[::3]) for who, own in found.items()}


PAGES = pages()
TRAIN = {author: train for author, (train, _) in PAGES.items()}
HELD = {author: held for author, (_, held) in PAGES.items()}
SCALE = scale(TRAIN)
VOCABULARY = sorted({word for texts in TRAIN.values() for one in texts for word in tokens(own_words(one))})
EXCHANGED = dict(zip(VOCABULARY, random.Random(1).sample(VOCABULARY, len(VOCABULARY)), strict=True))
PROFILES = {author: profile(SCALE, texts) for author, texts in TRAIN.items()}


def shuffled(text):
    """The text with its words exchanged: each word is always replaced by the same other one."""
    return " ".join(EXCHANGED[word] for word in tokens(own_words(text)))


@pytest.mark.parametrize(("own", "other"), [(NORA, VIKTOR), (VIKTOR, NORA)])
def test_every_held_out_bag_is_nearer_to_its_own_author(own, other):
    made = bags([tokens(own_words(text)) for text in HELD[own]], BAG)
    assert len(made) >= 3
    assert all(PROFILES[own].distance(bag) < PROFILES[other].distance(bag) for bag in made)


def test_delta_tells_held_out_text_of_the_author_from_anothers():
    own, other = delta(PROFILES[NORA], HELD[NORA]), delta(PROFILES[NORA], HELD[VIKTOR])
    assert own.low < own.mean < own.high < other.mean
    assert own.groups >= 5
    assert own.bags >= own.groups


@pytest.mark.parametrize("author", [NORA, VIKTOR])
def test_training_text_is_nearer_than_the_same_with_its_vocabulary_shuffled(author):
    own = delta(PROFILES[author], TRAIN[author])
    strange = delta(PROFILES[author], [shuffled(text) for text in TRAIN[author]])
    assert own.high < strange.low


def test_all_of_the_training_text_as_one_bag_is_no_distance_away():
    words = [word for text in TRAIN[NORA] for word in tokens(own_words(text))]
    assert PROFILES[NORA].distance(words) == pytest.approx(0)


@settings(deadline=None, max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_documents_and_authors_does_not_matter(draw):
    mixed = {author: draw.sample(texts, len(texts)) for author, texts in reversed(TRAIN.items())}
    again = profile(scale(mixed), mixed[NORA])
    assert again.scale.words == SCALE.words
    np.testing.assert_allclose(again.z_scores, PROFILES[NORA].z_scores, rtol=1e-9, atol=1e-9)
    held = draw.sample(HELD[NORA], len(HELD[NORA]))
    assert delta(PROFILES[NORA], held) == delta(PROFILES[NORA], HELD[NORA])


def test_delta_is_the_mean_absolute_difference_of_z_scores():
    measure = Scale(("the", "and"), np.array([0.2, 0.1]), np.array([0.1, 0.05]))
    author = Profile(measure, np.array([1.0, -1.0]))
    # the: (0.5 - 0.2) / 0.1 = 3; and: (0.25 - 0.1) / 0.05 = 3.
    assert author.distance(["the", "the", "and", "dog"]) == pytest.approx((2 + 4) / 2)


def test_a_scale_holds_the_commonest_shared_words_and_each_author_weighs_the_same():
    assert len(SCALE.words) == 300
    assert SCALE.words[:2] == ("the", "a")
    assert np.all(np.diff(SCALE.means) <= 0)
    assert np.all(SCALE.deviations > 0)
    twice = scale(TRAIN | {VIKTOR: TRAIN[VIKTOR] * 3})
    assert abs(twice.means[0] - SCALE.means[0]) < 0.1 * SCALE.means[0]


def test_words_of_one_author_only_are_left_out():
    marked = [text.replace(" the ", " zyx ") for text in TRAIN[NORA]]
    assert "zyx" not in scale({NORA: marked, VIKTOR: TRAIN[VIKTOR]}).words
    assert "zyx" in scale({NORA: marked}).words


def test_quotations_code_and_headings_change_nothing():
    page = "\n\n> upon my word\n\n```\nupon\n```\n\n## Upon\n\n[](https://upon.example/upon)\n"
    with_more = {author: [f"{text}{page}" for text in texts] for author, texts in TRAIN.items()}
    held = [f"{text}{page}" for text in HELD[NORA]]
    again = profile(scale(with_more), with_more[NORA])
    assert again.scale.words == SCALE.words
    assert delta(again, held) == delta(PROFILES[NORA], HELD[NORA])


def test_too_little_text_is_said_with_numbers():
    with pytest.raises(TooLittleText, match="1 bags of 1000 words of training text, 5 are needed"):
        scale({NORA: TRAIN[NORA][:2]})
    with pytest.raises(TooLittleText, match="4 words of the author's training text, 1000 are needed"):
        profile(SCALE, ["Only four words here."])
    with pytest.raises(TooLittleText, match="6 words of text, a bag needs 1000"):
        delta(PROFILES[NORA], ["Three words here.", "And three more."])
    with pytest.raises(TooLittleText, match="0 words"):
        delta(PROFILES[NORA], [])


def test_few_texts_give_a_mean_without_an_interval():
    found = delta(PROFILES[NORA], HELD[NORA][:2])
    assert (found.low, found.high) == (None, None)
    assert found.groups < 5
    assert found.mean > 0


def test_an_author_with_less_than_a_bag_does_not_bend_the_scale():
    assert scale(TRAIN | {"Somebody": ["Hardly anything stands here."]}).words == SCALE.words


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=12), max_size=8), st.integers(1, 10))
def test_groups_hold_every_text_once_and_bags_are_full(texts, size):
    if sum(map(len, texts)) < size:
        with pytest.raises(TooLittleText):
            grouped(texts, size)
        return
    groups = grouped(texts, size)
    assert [text for group in groups for text in group] == texts
    made = [bags(group, size) for group in groups]
    assert all(made)
    assert {len(bag) for group in made for bag in group} == {size}
