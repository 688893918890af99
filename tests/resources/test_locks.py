"""What locks promise among the processes of one machine, wherever their home lies."""

import subprocess
import sys

import pytest

from resources.leases import locks_of
from resources.locks import Locks
from resources.places import scratch_of

HOLD = """
import sys; from pathlib import Path
from resources.leases import locks_of
from resources.places import place
with locks_of(place(sys.argv[1], Path(sys.argv[2]))).held("thing"):
    print("held", flush=True); sys.stdin.read()
"""


@pytest.fixture
def holder(home):
    command = [sys.executable, "-c", HOLD, str(home), str(scratch_of(home))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "held"
    yield process
    process.kill()
    process.wait(60)


def test_the_second_waits_and_says_for_whom(home, holder):
    told = []

    def tell(message):
        told.append(message)
        holder.stdin.close()

    with locks_of(home, tell).held("thing"):
        assert holder.wait(60) == 0
    assert told == [f"waiting for thing: process {holder.pid} is writing it"]


def test_a_killed_holder_frees_the_lock(home, holder):
    locks = locks_of(home)
    assert not locks.is_free("thing")
    assert locks.holder("thing") == holder.pid
    with locks.tried("thing") as mine:
        assert not mine
    holder.kill()
    holder.wait(60)
    assert locks.is_free("thing")
    assert locks.holder("thing") is None
    with locks.tried("thing") as mine:
        assert mine


def test_names_with_a_slash_are_one_place_each(home):
    locks = locks_of(home)
    with locks.held("dataset/ada"):
        assert locks.is_free("dataset/bob")
        assert not locks.is_free("dataset/ada")


def test_locks_lie_in_the_folder_they_are_given(tmp_path):
    with Locks(tmp_path / "own").held("thing"):
        assert [file.name for file in (tmp_path / "own").iterdir()] == ["thing.lock"]
