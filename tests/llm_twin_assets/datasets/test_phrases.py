"""Key phrases: what a passage is about, found without a model."""

from hypothesis import given
from hypothesis import strategies as st

from llm_twin_assets.datasets.phrases import content_words, key_phrases

RAILROAD = "The railroad whistles at night. I hear the railroad, and the railroad cars of the Fitchburg line."
BEANS = "I hoed the beans in June. The beans stood in rows, and a hawk flew over the beans."
POND = "The pond froze in December. I cut a hole in the ice of the pond and saw the bottom of it."


def test_each_passage_is_named_by_its_own_words():
    found = [phrase for phrases in key_phrases([RAILROAD, BEANS, POND], count=1) for phrase in phrases]
    assert found == ["railroad", "beans", "pond"]


def test_a_phrase_that_every_passage_has_says_little():
    passages = [f"The village lay quiet. The village slept. {text}" for text in (RAILROAD, BEANS, POND)]
    assert all(phrases[0] != "village" for phrases in key_phrases(passages))


def test_phrases_share_no_word_with_each_other():
    for phrases in key_phrases([RAILROAD, BEANS], count=5):
        words = [word for phrase in phrases for word in phrase.split()]
        assert len(words) == len(set(words))


def test_only_what_follows_a_determiner_or_preposition_counts():
    assert key_phrases(["Propose boldly, prove quickly, run away."]) == [[]]


def test_content_words_leave_out_grammar_and_possessives():
    assert content_words("The miller's daughters and I would have gone to the Mill") == [
        "miller",
        "daughters",
        "mill",
    ]


@given(st.lists(st.text(max_size=80), max_size=4))
def test_any_text_is_taken_and_the_answer_is_always_the_same(passages):
    found = key_phrases(passages)
    assert len(found) == len(passages)
    assert found == key_phrases(passages)
