import subprocess
import sys

from resources.locks import Locks

HOLD = """
import sys; from pathlib import Path; from resources.locks import Locks
with Locks(Path(sys.argv[1])).held("thing"):
    print("held", flush=True); sys.stdin.read()
"""


def _holder(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().strip() == "held"
    return process


def test_the_second_waits_and_says_for_whom(tmp_path):
    process, told = _holder(tmp_path), []

    def tell(message):
        told.append(message)
        process.stdin.close()

    with Locks(tmp_path, tell).held("thing"):
        assert process.wait(60) == 0
    assert told == [f"waiting for thing: process {process.pid} is writing it"]


def test_a_killed_holder_frees_the_lock(tmp_path):
    process = _holder(tmp_path)
    locks = Locks(tmp_path)
    assert not locks.is_free("thing")
    process.kill()
    process.wait(60)
    assert locks.is_free("thing")


def test_names_with_a_slash_are_one_place_each(tmp_path):
    locks = Locks(tmp_path)
    with locks.held("dataset/ada"):
        assert locks.is_free("dataset/bob")
        assert not locks.is_free("dataset/ada")
