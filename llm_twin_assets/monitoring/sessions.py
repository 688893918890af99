"""Sessions: the questions of one conversation hang together, so sessions are counted, drawn and moved."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def sessions_of(threads: Sequence[str | None], traces: Sequence[str]) -> list[str]:
    """The session of each request: its thread, or itself where it belongs to none.

    threads, traces: one a request. Raises ValueError where their lengths differ.
    """
    return [thread or f"alone:{trace}" for thread, trace in zip(threads, traces, strict=True)]


def numbered(sessions: Sequence[str]) -> NDArray[np.intp]:
    """Each question's session as a number from 0, in the order of the sessions' names: [questions]."""
    _, numbers = np.unique(np.asarray(sessions, dtype=str), return_inverse=True)
    return numbers.astype(np.intp)


def count(sessions: Sequence[str]) -> int:
    """How many different sessions there are."""
    return len(set(sessions))


def halves(sessions: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows of the sessions that began first, and of the others: no session is in both halves."""
    order = {session: number for number, session in enumerate(dict.fromkeys(sessions))}
    early = np.array([order[session] < len(order) // 2 for session in sessions], dtype=bool)
    return np.flatnonzero(early), np.flatnonzero(~early)


def averaged(values: NDArray[np.floating], numbers: NDArray[np.intp]) -> NDArray[np.floating]:
    """The mean of each session's rows, so that a session counts once however much it asked.

    values: [questions] or [questions, k]; numbers: [questions], as `numbered` gives them. Returns
    [sessions] or [sessions, k].
    """
    from scipy.sparse import csr_array

    sizes = np.bincount(numbers)
    shares = (1 / sizes[numbers]).astype(values.dtype)
    rows = csr_array((shares, (numbers, np.arange(len(numbers)))), shape=(len(sizes), len(numbers)))
    means: NDArray[np.floating] = rows @ values
    return means
