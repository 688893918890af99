"""Waiting for something that another process or thread does."""

import threading
import time
from collections.abc import Callable


def wait_until(question: Callable[[], object], seconds: float = 120.0) -> object:
    """Ask until the answer is true; fails once `seconds` have passed."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        answer = question()
        if answer or time.monotonic() > deadline:
            assert answer, f"still false after {seconds} s"
            return answer
        pause.wait(0.05)
