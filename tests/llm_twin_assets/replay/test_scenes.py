"""The four scenes: as many questions as the drift rule needs, about what they should be about."""

import itertools

import pandas as pd
import pytest

from llm_twin_assets.documents.splits import quotas
from llm_twin_assets.monitoring.drift_report import Plan
from llm_twin_assets.replay.scenes import SHIFT, NothingToAsk, default_stream
from llm_twin_assets.replay.stream import Add, Ask, Feedback, Hours, Scene, read_stream, written
from llm_twin_assets.serving.sentences import quotable
from resources.twins import Thresholds
from tests.llm_twin_assets.serving.small import DOCUMENTS

FRAME = pd.DataFrame(DOCUMENTS).assign(withheld=None)
PLAN = Plan(reference=50, window=20)


def _hours(events):
    """How many questions were asked before each hour."""
    found, asked = [], 0
    for event in events:
        asked += isinstance(event, Ask)
        if isinstance(event, Hours):
            found, asked = [*found, asked], 0
    return found


def test_there_are_a_reference_two_quiet_windows_and_two_shifted_ones():
    events = default_stream(FRAME, "Ada Moss", PLAN)
    quiet, shifted, judged = _hours(events)[:5], _hours(events)[5:7], _hours(events)[7:]
    assert quiet == [20] * 5  # 50 questions are the reference's: three hours, and two for two windows
    assert shifted == [20 + 2, 20]  # and the one that is asked before and after the document is there
    assert judged == [sum(isinstance(one, Feedback) for one in events)]


def test_the_shifted_windows_ask_about_the_new_documents():
    events = default_stream(FRAME, "Ada Moss", PLAN)
    added = [one.document.text for one in events if isinstance(one, Add)]
    starts = [" ".join(one.text.split()[:4]) for text in added for one in quotable(text)]
    at = [number for number, one in enumerate(events) if isinstance(one, Scene)]
    counts = [
        sum(any(start in one.ask for start in starts) for one in events[begin:end] if isinstance(one, Ask))
        for begin, end in itertools.pairwise([*at, len(events)])
    ]
    assert counts == [0, 2, SHIFT * 40, 0]


def test_new_documents_are_learned_from_whatever_is_held_out_and_are_too_few_words_for_a_trigger():
    events = default_stream(FRAME, "Ada Moss", PLAN)
    added = [one.document.text for one in events if isinstance(one, Add)]
    for known in range(5, 200):
        before, after = quotas(known), quotas(known + len(added))
        assert after.test - before.test + after.validation - before.validation < len(added)
    assert sum(len(text.split()) for text in added) < Thresholds().min_new_words


def test_the_same_seed_gives_the_same_stream_and_it_can_be_written_down(tmp_path):
    events = default_stream(FRAME, "Ada Moss", PLAN)
    assert events == default_stream(FRAME, "Ada Moss", PLAN) != default_stream(FRAME, "Ada Moss", PLAN, 1)
    (tmp_path / "s.jsonl").write_text(written(events), encoding="utf-8")
    assert read_stream(tmp_path / "s.jsonl") == events


def test_every_reader_who_judges_has_a_conversation_of_their_own():
    events = default_stream(FRAME, "Ada Moss", PLAN)
    threads = [one.thread for one in events if isinstance(one, Ask) and one.thread]
    assert len(threads) == len(set(threads)) > 1


def test_an_author_without_documents_is_told():
    with pytest.raises(NothingToAsk, match="Nobody has no document"):
        default_stream(FRAME, "Nobody", PLAN)
