"""A training must not outlive the run that started it: it would go on writing beside the next one."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when process `parent`, which started it, ends (Linux only).

    Raises SystemExit where the parent was gone before the kernel had been asked.
    """
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError("the kernel refused PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        raise SystemExit("the process that started this training is gone")
