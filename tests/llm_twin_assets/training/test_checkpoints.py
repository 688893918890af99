"""Checkpoints: only a whole one of the same training is gone on from."""

import pytest

from llm_twin_assets.training.checkpoints import SEAL, drop, drop_others, newest, place, seal

ABOUT = {"steps": 20, "processes": 1}


@pytest.fixture
def folder(tmp_path):
    """Whole checkpoints of steps 5 and 10."""
    for step in (5, 10):
        made = tmp_path / f"checkpoint-{step}"
        (made / "ref").mkdir(parents=True)
        (made / "weights").write_bytes(bytes(step))
        (made / "ref" / "weights").write_bytes(b"ref")
        seal(made, ABOUT)
    return tmp_path


def test_the_newest_counts_by_its_step_and_not_by_its_name(folder):
    assert newest(folder, ABOUT).name == "checkpoint-10"


def test_where_there_is_none_there_is_none(tmp_path):
    assert newest(tmp_path, ABOUT) is None
    assert newest(tmp_path / "missing", ABOUT) is None


def truncate(checkpoint):
    (checkpoint / "weights").write_bytes(b"\0")


def damage_below(checkpoint):
    (checkpoint / "ref" / "weights").write_bytes(b"rif")


def lose_a_file(checkpoint):
    (checkpoint / "weights").unlink()


def never_sealed(checkpoint):
    (checkpoint / SEAL).unlink()


def one_more_file(checkpoint):
    (checkpoint / "optimizer.pt").write_bytes(b"from elsewhere")


@pytest.mark.parametrize("harm", [truncate, damage_below, lose_a_file, never_sealed, one_more_file])
def test_one_that_is_not_whole_is_removed_and_the_one_before_is_taken(folder, harm):
    harm(folder / "checkpoint-10")
    assert newest(folder, ABOUT).name == "checkpoint-5"
    assert not (folder / "checkpoint-10").exists()


def test_another_number_of_steps_or_processes_is_another_training(folder):
    assert newest(folder, ABOUT | {"processes": 2}) is None


def test_sealing_leaves_no_pickled_arguments(folder):
    (folder / "checkpoint-10" / "training_args.bin").write_bytes(b"pickle")
    seal(folder / "checkpoint-10", ABOUT)
    assert not (folder / "checkpoint-10" / "training_args.bin").exists()
    assert newest(folder, ABOUT).name == "checkpoint-10"


def test_other_inputs_have_another_place_and_go_when_it_is_used(tmp_path):
    one, other = (place(tmp_path, "fine_tuned_model", "ada", inputs) for inputs in ("one", "other"))
    assert one != other
    for each in (one, other):
        each.mkdir(parents=True)
    drop_others(other)
    assert not one.exists() and other.exists()
    drop(other)
    drop(other)
    assert not other.exists()
