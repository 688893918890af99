"""A canary beside the champion: who answers whom, and what is loaded, from its start to its end."""

import shutil

import pytest

from llm_twin_assets.serving.served import NotServed
from tests.llm_twin_assets.serving.small import following
from tests.waiting import wait_until


class Still:
    """An engine that holds adapters and says nothing: who answers is decided before anything is generated."""

    opened = 0

    def __init__(self, base, revision):
        self.adapters, self.closed = set(), False
        type(self).opened += 1

    def load(self, adapter, folder):
        self.adapters.add(adapter)

    def unload(self, adapter):
        self.adapters.discard(adapter)

    def probe(self, adapter):
        assert adapter in self.adapters

    def close(self):
        self.closed = True


@pytest.fixture
def trial(small):
    """A served twin whose second release is on trial; what serves, and the two release ids."""
    serving = small.serving()
    serving.open_engine = Still
    first = small.release("first")
    second = small.releases.add(small.manifest("second"), {})
    small.releases.start_canary("ada", second)
    serving.step()
    yield serving, first, second
    serving.close()


THREADS = [f"thread-{number}" for number in range(400)]


def answering(serving):
    """The release and the arm of every conversation."""
    found = {}
    for thread in THREADS:
        with serving.borrowed("ada", thread) as borrowed:
            found[thread] = (borrowed.loaded.manifest.release_id, borrowed.arm)
    return found


def of_arm(found, arm):
    return {thread for thread, (_, its) in found.items() if its == arm}


def test_a_canary_answers_its_share_and_the_champion_the_rest(small, trial):
    serving, first, second = trial
    assert serving.ready()["ready"]
    stands = serving.ready()["twins"]["ada"]
    assert (stands["release_id"], stands["desired"]) == (first, first)
    assert stands["canary"] == {"release_id": second, "share": 5, "serving": True, "error": None}
    assert set(answering(serving).values()) == {(second, "canary"), (first, "control"), (first, "")}
    assert serving.twins()["ada"].manifest.release_id == first


def test_nobody_is_sent_back_while_the_share_grows(small, trial):
    serving, _, _ = trial
    before = answering(serving)
    for share in (25, 50):
        small.releases.move_canary("ada", share)
        serving.step()
        after = answering(serving)
        for arm in ("canary", "control"):
            assert of_arm(before, arm) < of_arm(after, arm)
        assert after == answering(serving)
        before = after
    assert of_arm(after, "") == set()


def test_requests_without_a_conversation_are_spread_too(trial):
    serving, _, _ = trial
    serving.releases.move_canary("ada", 50)
    serving.step()
    arms = set()
    for _ in range(100):
        with serving.borrowed("ada") as borrowed:
            arms.add(borrowed.arm)
    assert arms == {"canary", "control"}


def test_a_rollback_reaches_the_next_request_and_lets_running_ones_end(small, trial):
    serving, first, second = trial
    thread = min(of_arm(answering(serving), "canary"))
    with serving.borrowed("ada", thread) as borrowed:
        small.releases.quarantine("ada", second, "harm")
        serving.step()
        assert set(answering(serving).values()) == {(first, "")}
        assert borrowed.loaded.manifest.adapter in borrowed.loaded.engine.adapters
    small.releases.end_canary("ada", promote=False)
    serving.step()
    assert serving.ready()["twins"]["ada"]["canary"] is None
    assert borrowed.loaded.manifest.adapter not in borrowed.loaded.engine.adapters


def test_a_promoted_canary_answers_everybody_without_being_loaded_again(small, trial):
    serving, _, second = trial
    thread = min(of_arm(answering(serving), "canary"))
    with serving.borrowed("ada", thread) as borrowed:
        loaded = borrowed.loaded
    small.releases.end_canary("ada", promote=True)
    serving.step()
    assert serving.twins()["ada"] is loaded
    assert set(answering(serving).values()) == {(second, "")}
    assert loaded.engine.adapters == {small.adapter("second").version}
    serving.step()
    assert serving.ready()["ready"]
    assert serving.ready()["twins"]["ada"]["release_id"] == second


def test_a_promotion_is_one_switch_for_those_whom_the_canary_answered(small, trial):
    serving, _, second = trial
    threads = of_arm(answering(serving), "canary")
    small.releases.end_canary("ada", promote=True)
    seen = set()
    with following(serving):
        wait_until(lambda: serving.ready()["twins"]["ada"]["canary"] is None)
        for thread in threads:
            with serving.borrowed("ada", thread) as borrowed:
                seen.add(borrowed.loaded.manifest.release_id)
    assert seen == {second}


def test_another_canary_takes_the_place_and_the_first_one_is_unloaded(small, trial):
    serving, first, _ = trial
    third = small.releases.add(small.manifest("third"), {})
    small.releases.start_canary("ada", third)
    serving.step()
    assert {release for release, _ in answering(serving).values()} == {first, third}
    assert small.adapter("second").version not in serving.twins()["ada"].engine.adapters


def test_whoever_names_a_release_gets_it_and_counts_for_no_arm(trial):
    serving, first, second = trial
    for release_id in (first, second):
        for thread in THREADS[:50]:
            with serving.borrowed("ada", thread, release_id) as borrowed:
                assert (borrowed.loaded.manifest.release_id, borrowed.arm) == (release_id, "")


@pytest.mark.parametrize(("twin", "release_id"), [("ada", "0" * 16), ("ben", None), ("ben", "0" * 16)])
def test_a_release_that_is_not_loaded_is_not_served(trial, twin, release_id):
    serving, _, _ = trial
    with pytest.raises(NotServed) as raised, serving.borrowed(twin, "t", release_id):
        pass
    assert raised.value.known == (twin == "ada")
    assert (release_id or "ben") in str(raised.value) or twin in str(raised.value)


def test_a_canary_that_cannot_be_loaded_takes_no_traffic_and_shows(small):
    serving = small.serving()
    serving.open_engine = Still
    first = small.release("first")
    second = small.releases.add(small.manifest("second"), {})
    shutil.rmtree(small.home / small.adapter("second").folder)
    small.releases.start_canary("ada", second, 50)
    serving.step()
    stands = serving.ready()["twins"]["ada"]
    assert serving.ready()["ready"]
    assert stands["canary"]["serving"] is False
    assert "does not exist" in stands["canary"]["error"]
    assert set(answering(serving).values()) == {(first, "")}
    with pytest.raises(NotServed), serving.borrowed("ada", "t", second):
        pass


def test_a_twin_taken_out_of_service_takes_its_canary_with_it(small, trial):
    serving, _, _ = trial
    engine = serving.twins()["ada"].engine
    small.releases.desire("ada", None)
    serving.step()
    assert engine.closed
    with pytest.raises(NotServed), serving.borrowed("ada", "t"):
        pass
