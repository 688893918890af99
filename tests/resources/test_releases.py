import dataclasses

import pytest

from resources.files import mark, read_json, write_json
from resources.releases import Desired, Manifest, NoCanary, Releases, UnknownRelease

MANIFEST = Manifest(
    twin="ada",
    author="Ada Vale",
    adapter="a1",
    adapter_folder="models/fine_tuned_model/ada/a1",
    base="b1",
    base_folder="models/base_model/b1",
    base_revision="",
    prompt="p",
    decoding={"mode": "grounded"},
    evaluation="e",
    parent=None,
)


@pytest.fixture
def releases(home):
    return Releases(home)


def test_the_same_manifest_is_the_same_release(releases):
    first = releases.add(MANIFEST, {"run_id": "1"})
    again = releases.add(MANIFEST, {"run_id": "2"})
    other = releases.add(dataclasses.replace(MANIFEST, adapter="a2"), {})
    assert first == again != other
    assert releases.manifest("ada", first) == MANIFEST
    assert releases.all("ada")[0] == first
    assert set(releases.all("ada")) == {first, other}


def test_desire_moves_the_champion_and_can_be_taken_back(releases):
    release_id = releases.add(MANIFEST, {})
    assert releases.champion("ada") is None
    releases.desire("ada", release_id)
    assert releases.champion("ada") == MANIFEST
    assert releases.everything_desired() == {"ada": Desired(release_id)}
    releases.desire("ada", None)
    assert releases.everything_desired() == {}


def test_only_a_release_that_exists_can_be_desired(releases):
    release_id = releases.add(MANIFEST, {})
    with pytest.raises(UnknownRelease, match=release_id):
        releases.desire("ada", "nope")
    assert releases.desired("ada") is None


def test_quarantine_is_by_adapter_and_can_be_lifted(releases):
    release_id = releases.add(MANIFEST, {})
    releases.quarantine("ada", release_id, "answers got worse")
    assert releases.quarantined("ada") == {"a1"}
    releases.release_from_quarantine("ada", release_id)
    assert releases.quarantined("ada") == set()


def test_quarantine_keeps_its_evidence(releases):
    release_id = releases.add(MANIFEST, {})
    assert releases.quarantine_of("ada", release_id) is None
    releases.quarantine("ada", release_id, "harm", {"canary": 120})
    kept = {"release_id": release_id, "reason": "harm", "evidence": {"canary": 120}}
    assert releases.quarantine_of("ada", release_id) == kept


@pytest.fixture
def trial(releases):
    """A twin that serves its first release, with the second one on trial; the two ids."""
    first = releases.add(MANIFEST, {})
    second = releases.add(dataclasses.replace(MANIFEST, adapter="a2"), {})
    releases.desire("ada", first)
    releases.start_canary("ada", second, after="t9")
    return first, second


def test_a_canary_stands_beside_the_champion_in_one_file(releases, trial):
    first, second = trial
    canary = releases.canary("ada")
    assert (canary.release_id, canary.share, canary.looks, canary.after) == (second, 5, (), "t9")
    assert releases.desired("ada") == first
    assert releases.champion("ada").adapter == "a1"
    assert releases.everything_desired() == {"ada": Desired(first, canary)}
    assert [path.name for path in (releases.home / "serving" / "desired").iterdir()] == ["ada.json"]


def test_starting_the_same_canary_again_lets_it_go_on(releases, trial):
    moved = releases.move_canary("ada", 25, {"next": 200})
    assert releases.start_canary("ada", trial[1]) == moved == releases.canary("ada")


def test_another_canary_takes_its_place(releases, trial):
    third = releases.add(dataclasses.replace(MANIFEST, adapter="a3"), {})
    releases.start_canary("ada", third)
    assert releases.canary("ada").release_id == third
    assert releases.quarantined("ada") == set()


def test_a_canary_keeps_its_looks_and_is_due_when_they_say(releases, trial):
    assert releases.canary("ada").due == 20
    releases.move_canary("ada", 5, {"next": 26, "canary": 20})
    releases.move_canary("ada", 25, {"next": 140, "canary": 108})
    canary = releases.canary("ada")
    assert (canary.share, canary.due) == (25, 140)
    assert [look["canary"] for look in canary.looks] == [20, 108]
    assert releases.move_canary("ada", 50).looks == canary.looks


@pytest.mark.parametrize("promote", [True, False])
def test_a_canary_is_promoted_or_ended_and_what_happened_is_kept(releases, trial, promote):
    ended = {"action": "x", "reason": "y", "evidence": {"z": 1}}
    wanted = trial[1] if promote else trial[0]
    assert releases.end_canary("ada", promote, ended) == releases.desired("ada") == wanted
    assert releases.canary("ada") is None
    assert releases.state("ada").ended == ended | {"release_id": trial[1]}
    releases.desire("ada", wanted)
    assert releases.state("ada") == Desired(wanted)


def test_a_deployment_ends_a_canary_also_one_of_the_champion(releases, trial):
    releases.desire("ada", trial[0])
    assert releases.canary("ada") is None
    assert releases.state("ada") == Desired(trial[0])


def test_a_quarantined_canary_is_none_at_once_though_it_is_still_written(releases, trial):
    releases.quarantine("ada", trial[1], "harm")
    assert releases.canary("ada") is None
    assert releases.everything_desired() == {"ada": Desired(trial[0])}
    assert releases.written("ada").canary.release_id == trial[1]
    assert releases.end_canary("ada", promote=False) == trial[0]
    assert releases.written("ada").canary is None
    with pytest.raises(ValueError, match="quarantine"):
        releases.start_canary("ada", trial[1])


def test_what_was_written_can_be_restored(releases, trial):
    before = releases.written("ada")
    releases.desire("ada", trial[1])
    releases.restore("ada", before)
    assert releases.written("ada") == before
    releases.restore("ada", None)
    assert releases.state("ada") is None


def test_there_is_no_canary_without_a_champion_of_the_champion_or_of_nothing(releases):
    first = releases.add(MANIFEST, {})
    with pytest.raises(ValueError, match="no release to compare"):
        releases.start_canary("ada", first)
    releases.desire("ada", first)
    with pytest.raises(ValueError, match="already"):
        releases.start_canary("ada", first)
    with pytest.raises(UnknownRelease):
        releases.start_canary("ada", "nothing")
    for change in (lambda: releases.move_canary("ada", 25), lambda: releases.end_canary("ada", True)):
        with pytest.raises(NoCanary, match="ada has no canary"):
            change()
    assert releases.state("ada") == Desired(first)


def test_a_file_of_an_earlier_version_is_read(releases):
    release_id = releases.add(MANIFEST, {})
    path = releases.home / "serving" / "desired" / "ada.json"
    write_json(path, {"release_id": release_id})
    assert releases.state("ada") == Desired(release_id)
    kept = releases.home / "releases" / "ada" / "quarantine.json"
    write_json(kept, {"a1": {"release_id": release_id, "reason": "old"}})
    assert releases.quarantined("ada") == {"a1"}


def test_nothing_is_written_where_nothing_changes(releases, trial):
    path = releases.home / "serving" / "desired" / "ada.json"
    before = mark(path)
    releases.restore("ada", releases.written("ada"))
    assert mark(path) == before
    releases.move_canary("ada", 25)
    assert mark(path) != before
    assert read_json(path)["canary"]["share"] == 25
