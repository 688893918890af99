"""A training must not outlive the run that started it: it would go on writing beside the next one."""

import ctypes
import os
import select
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when process `parent`, which started it, ends (Linux only).

    Raises SystemExit where the parent was gone before the kernel had been asked.
    """
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError("the kernel refused PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        raise SystemExit("the process that started this one is gone")


def die_with(process: int) -> None:
    """Kill this process when another that is not its parent ends (Linux only): a launcher stands between.

    Raises SystemExit where the other is gone already.
    """
    if sys.platform != "linux":
        return
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        raise SystemExit("the process that started this one is gone") from None
    threading.Thread(target=_kill_after, args=(descriptor,), daemon=True).start()


def _kill_after(descriptor: int) -> None:
    # A process's descriptor can be read from once it has ended.
    select.select([descriptor], [], [])
    os.kill(os.getpid(), signal.SIGKILL)
