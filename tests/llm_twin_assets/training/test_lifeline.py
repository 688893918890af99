"""The training process dies with its parent, however that dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llm_twin_assets.training.lifeline import die_with, die_with_parent
from tests.waiting import wait_until

CHILD = (
    "import os, signal\n"
    "from llm_twin_assets.training.lifeline import die_with_parent\n"
    "die_with_parent({parent})\n"
    "print(os.getpid(), flush=True)\n"
    "signal.pause()\n"
)
PARENT = (
    "import os, signal, subprocess, sys\n"
    "subprocess.Popen([sys.executable, '-c', sys.argv[1].format(parent=os.getpid())])\n"
    "signal.pause()\n"
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PR_SET_PDEATHSIG")


def is_gone(process):
    """Whether a process has ended; one that waits to be reaped has."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@linux
def test_a_child_dies_when_its_parent_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    child = int(parent.stdout.readline())
    try:
        assert not is_gone(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_until(lambda: is_gone(child))
    finally:
        if not is_gone(child):
            os.kill(child, signal.SIGKILL)


def test_a_child_whose_parent_is_gone_already_does_not_start():
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(parent=1)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 1
    assert "started this one is gone" in done.stderr
    assert done.stdout == ""


def test_this_process_is_refused_when_it_names_another_parent():
    program = "import os\nfrom llm_twin_assets.training.lifeline import *\ndie_with_parent(os.getppid())"
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    assert subprocess.run([sys.executable, "-c", program], env=environment).returncode == 0
    with pytest.raises(SystemExit):
        die_with_parent(os.getpid())


@linux
def test_a_process_dies_with_another_that_is_not_its_parent():
    program = "import os\nfrom llm_twin_assets.training.lifeline import *\ndie_with({other})\nsignal.pause()"
    other = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    child = subprocess.Popen(
        [sys.executable, "-c", program.format(other=other.pid)],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    try:
        assert child.poll() is None
        other.kill()
        other.wait()
        wait_until(lambda: child.poll() is not None)
        assert child.returncode in (-signal.SIGKILL, 1)
    finally:
        child.kill()


@linux
def test_a_process_does_not_start_when_the_other_is_gone():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with pytest.raises(SystemExit):
        die_with(gone.pid)
