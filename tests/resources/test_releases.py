import dataclasses

import pytest

from resources.releases import Manifest, Releases, UnknownRelease

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
def releases(tmp_path):
    return Releases(tmp_path)


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
    assert releases.everything_desired() == {"ada": release_id}
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
