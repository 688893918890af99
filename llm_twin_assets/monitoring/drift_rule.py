"""Whether the traffic of today is still that of the reference: the decision, and what it rests on.

A signal has drifted when each of the last two windows differs from the reference significantly, and by more
than the floor below which nobody need act. Two windows, because of twenty windows one is unlucky. Both are
held to the same pinned reference, so a reference that is unlike itself is refused: its earlier sessions may
not differ from its later ones.

Many signals are watched, so the scores' p-values of a window are adjusted together (Holm). The questions'
embeddings are a family of their own: they say what is asked, the scores how it is answered, and adjusting one
for the others would hide shifts of topic that two hundred questions show. At level a, and were two windows
independent, the embeddings would alarm falsely in at most a² of all pairs of windows, and the scores, all of
them together, in at most a² for each score.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from llm_twin_assets.monitoring.drift_looks import (
    Look,
    Thresholds,
    looks,
    shortfall,
    too_little,
    unlike_itself,
)
from llm_twin_assets.monitoring.drift_signals import QUESTIONS, STALE, sample, stale_share
from llm_twin_assets.monitoring.windows import Window

State = Literal["insufficient", "ok", "drift", "error"]
# The first of these that any signal has is the state of the whole.
_GRAVEST: Final[tuple[State, ...]] = ("drift", "error", "ok", "insufficient")


@dataclass(frozen=True)
class Signal:
    """What is to be said of one signal, and the windows that it was looked at in."""

    state: State
    reason: str
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The state of a twin's traffic, why, and each signal's own.

    reference and windows: how many questions there were in the reference, and in each window.
    """

    state: State
    reason: str
    signals: dict[str, Signal]
    thresholds: Thresholds
    reference: int
    windows: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """The verdict as dictionaries, sequences, texts, numbers and truth values."""
        return asdict(self)


def drift(reference: Window, windows: Sequence[Window], thresholds: Thresholds | None = None) -> Verdict:
    """Judge the last windows; all that are given are looked at, for the picture.

    reference: traffic of the same kind as the windows, in the order it was asked; its sessions are as long as
    theirs. The score `stale` is not tested but counted, in the last window alone.
    """
    limits = thresholds or Thresholds()
    names = sorted({name for window in (reference, *windows) for name in window.scores} - {STALE})
    signals = _family(reference, windows, [QUESTIONS], limits) | _family(reference, windows, names, limits)
    if windows and STALE in windows[-1].scores:
        signals[STALE] = _staleness(windows[-1], limits)
    state = next(state for state in _GRAVEST if any(one.state == state for one in signals.values()))
    reasons = [f"{name}: {one.reason}" for name, one in signals.items() if one.state == state]
    return Verdict(state, "; ".join(reasons), signals, limits, len(reference), tuple(map(len, windows)))


def _family(
    reference: Window, windows: Sequence[Window], names: Sequence[str], limits: Thresholds
) -> dict[str, Signal]:
    """Signals whose p-values of a window are adjusted together."""
    unfit = _unfit(reference, windows, names, limits)
    fit = [name for name in names if name not in unfit]
    seen = [looks(reference, window, number, fit, limits) for number, window in enumerate(windows)]
    return unfit | {
        name: _judged(name, reference, windows, [one.get(name) for one in seen], limits) for name in fit
    }


def _unfit(
    reference: Window, windows: Sequence[Window], names: Sequence[str], limits: Thresholds
) -> dict[str, Signal]:
    """The signals that no window can be looked at in, because of what they or their reference are."""
    broken = {name: why for name in names if (why := _broken(reference, windows, name))}
    small = {
        name: why
        for name in names
        if name not in broken and (why := too_little(sample(reference, name), limits))
    }
    whole = [name for name in names if name not in broken and name not in small]
    wrong = broken | unlike_itself(reference, whole, limits)
    errors = {name: Signal("error", why) for name, why in wrong.items()}
    return errors | {name: Signal("insufficient", f"the reference has {why}") for name, why in small.items()}


def _broken(reference: Window, windows: Sequence[Window], name: str) -> str:
    """Why a signal's numbers cannot be computed with; an empty text where they can."""
    samples = [sample(window, name).values for window in (reference, *windows)]
    if shapes := sorted({values.shape[1:] for values in samples} - {samples[0].shape[1:]}):
        wanted = samples[0].shape[1:]
        return f"the reference's vectors have the shape {wanted}, a window's {shapes[0]}: use one embedder"
    faulty = sum(int((~np.isfinite(values)).sum()) for values in samples)
    return f"{faulty} values are not finite numbers" if faulty else ""


def _judged(
    name: str, reference: Window, windows: Sequence[Window], seen: Sequence[Look | None], limits: Thresholds
) -> Signal:
    """A signal's state after its looks, one for each window, None where a window had too little."""
    there, last = tuple(one for one in seen if one), [one for one in seen[-limits.consecutive :] if one]
    if len(seen) < limits.consecutive:
        return Signal("insufficient", f"{len(seen)} windows, {limits.consecutive} are needed", there)
    if len(last) < limits.consecutive:
        missing = max(number for number, one in enumerate(seen) if one is None)
        why = shortfall(sample(reference, name), sample(windows[missing], name), limits)
        return Signal("insufficient", f"window {missing + 1} of {len(seen)}: {why}", there)
    state: State = "drift" if all(one.is_alarm for one in last) else "ok"
    told = ", ".join(f"p {one.adjusted:.3f} with effect {one.effect:.4f}" for one in last)
    return Signal(state, f"last {limits.consecutive} windows: {told}", there)


def _staleness(window: Window, limits: Thresholds) -> Signal:
    """Whether too many answers of a window cite what is no longer live: counted, so one window is enough."""
    measured, share = sample(window, STALE), stale_share(window)
    if share is None or len(measured) < limits.fewest_questions:
        why = f"{len(measured)} answers that cite, {limits.fewest_questions} are needed"
        return Signal("insufficient", why)
    state: State = "drift" if share > limits.stale else "ok"
    return Signal(state, f"{share:.1%} of {len(measured)} citing answers cite content that is no longer live")
