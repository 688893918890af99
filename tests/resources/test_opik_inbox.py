"""The inbox of alerts: each once, in order, durable, and forgotten only after it was read."""

import subprocess
import sys
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.opik_inbox import LONGEST, Inbox
from resources.opik_webhook import MOST_POINTERS, OpikAlert, points_at

ALERT = OpikAlert("w1", "trace:feedback_score", "a1", "Drift of ada", "", 1, [])


@pytest.fixture
def inbox(tmp_path):
    return Inbox(tmp_path)


def test_an_empty_inbox_is_no_file(inbox):
    assert inbox.after(0) == []
    inbox.prune(10)
    assert not inbox.path.exists()


def test_alerts_are_read_behind_a_position_in_the_order_they_came(inbox):
    for number in range(3):
        inbox.take(replace(ALERT, event_id=f"w{number}", alert=f"alert {number}"))
    first, *others = inbox.after(0)
    assert (first.alert, first.event, first.about) == ("alert 0", ALERT.event, ["alert 0"])
    assert inbox.after(first.position) == others
    assert inbox.after(others[-1].position) == []


def test_the_newest_position_outlives_its_alert_and_not_its_file(inbox):
    assert inbox.newest() == 0
    for number in range(2):
        inbox.take(replace(ALERT, event_id=f"w{number}"))
    inbox.prune(2, -1.0)
    assert (inbox.after(0), inbox.newest()) == ([], 2)
    inbox.path.unlink()
    inbox.take(ALERT)
    assert inbox.newest() == 1


def test_an_alert_that_comes_again_is_one(inbox):
    inbox.take(ALERT)
    inbox.take(replace(ALERT, alert="said otherwise"))
    assert [one.alert for one in inbox.after(0)] == ["Drift of ada"]


def test_only_what_was_read_is_forgotten_and_it_is_not_taken_for_new_before(inbox):
    inbox.take(ALERT)
    [one] = inbox.after(0)
    inbox.prune(one.position - 1, 0.0)
    inbox.prune(one.position)
    inbox.take(ALERT)
    assert inbox.after(0) == [one]
    inbox.prune(one.position, -1.0)
    assert inbox.after(0) == []
    inbox.take(ALERT)
    [again] = inbox.after(0)
    assert again.position > one.position


def test_what_tells_whom_an_alert_is_about_is_kept_and_nothing_else():
    details = [
        {"id": "t1", "name": "answer", "input": "a secret", "tags": ["twin:ada", 7], "project_name": "twins"},
        {"entity_id": "t2", "metadata": {"twin": "ben", "question": "a secret"}},
        {"project_names": "one,two", "metric_value": "0.5", "id": "t1"},
    ]
    found = points_at(replace(ALERT, details=details))
    assert set(found) == {"Drift of ada", "t1", "answer", "twin:ada", "twins", "t2", "ben", "one,two"}
    assert len(found) == len(set(found))
    many = [{"id": f"t{number}"} for number in range(5000)]
    assert len(points_at(replace(ALERT, details=many))) == MOST_POINTERS


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=300))
def test_any_text_can_stand_in_a_run_s_tag(tmp_path_factory, text):
    inbox = Inbox(tmp_path_factory.mktemp("inbox"))
    inbox.take(OpikAlert(text, text or "e", "", text, "", 1, [{"id": text}]))
    [one] = inbox.after(0)
    for kept in (one.alert, one.event, *one.about):
        assert len(kept) <= LONGEST
        assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in kept)


def test_processes_take_at_once(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from resources.opik_inbox import Inbox; from resources.opik_webhook import OpikAlert\n"
        "for n in range(20): Inbox(Path(sys.argv[1])).take(OpikAlert(f'w{n}', 'e', '', 'a', '', 1, []))"
    )
    takers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
    assert [taker.wait() for taker in takers] == [0, 0]
    assert len(Inbox(tmp_path).after(0)) == 20
