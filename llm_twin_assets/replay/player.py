"""Plays a stream: asks, judges, writes documents, lets hours pass, and tells what the system does about it.

Time is fast because nobody waits: an hour is played when its questions are answered, and what was said of
answers grows as much older in the copy's trace store.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from llm_twin_assets.replay.ageing import age
from llm_twin_assets.replay.readers import Readers, Reply, summary
from llm_twin_assets.replay.staging import Stage
from llm_twin_assets.replay.stream import Add, Ask, Event, Feedback, Hours, Scene
from llm_twin_assets.replay.timeline import Entry, Kind, shortened
from llm_twin_assets.replay.watching import Standing, alerts_of, drift_of, outcome, standing
from llm_twin_assets.ticking import Asked, Ticker

# A loop that asks for one run after another is stopped here, and told.
MOST_ROUNDS: Final = 8
REASON: Final = "llm_twin/reason"


class Player:
    """Plays events on a stage, and tells each entry of the timeline as it happens.

    resources: the copy's, as `build_resources` makes them. ticker: has looked once, so that it sees news.
    """

    def __init__(
        self,
        stage: Stage,
        resources: dict[str, Any],
        ticker: Ticker,
        readers: Readers,
        tell: Callable[[Entry], None],
    ) -> None:
        self._stage, self._resources, self._ticker, self._readers = stage, resources, ticker, readers
        self._tell = tell
        self._last: Reply | None = None
        self._alerts = alerts_of(stage.settings.local)
        self.hour = 0
        self.timeline: list[Entry] = []

    def play(self, events: Iterable[Event]) -> list[Entry]:
        """The timeline, when all events are played; questions in a row are asked together.

        Documents in a row are written before the sensors look.
        """
        for kind, group in itertools.groupby(events, type):
            together = list(group)
            if kind is Ask:
                self._ask([one for one in together if isinstance(one, Ask)])
                continue
            for event in together:
                self._one(event)
            if kind is Add:
                self.look()
        return self.timeline

    def look(self) -> None:
        """Let the sensors look, and run what they ask for, until they ask for nothing."""
        for _ in range(MOST_ROUNDS):
            asked = [one for one in self._ticker.tick() if one.twin in (None, self._twin)]
            self._told_alerts()
            if not asked:
                self._note("sensors", "nothing to do", said=dict(self._ticker.said))
                return
            for one in asked:
                self._note("asks_for", _wanted(one), trigger=one.trigger, job=one.job)
                self._run(one)
        self._note("sensors", f"they asked for runs {MOST_ROUNDS} times in a row: the replay goes on")

    @property
    def _twin(self) -> str:
        return self._stage.twin.name

    def _note(self, kind: Kind, text: str, **numbers: Any) -> None:
        entry = Entry(self.hour, kind, text, numbers)
        self.timeline.append(entry)
        self._tell(entry)

    def _one(self, event: Event) -> None:
        if isinstance(event, Scene):
            self._note("scene", event.scene)
        elif isinstance(event, Add):
            self._note("document", self._stage.write(event.document))
        elif isinstance(event, Feedback):
            self._judge(event)
        elif isinstance(event, Hours):
            self._pass(event.hour)

    def _ask(self, asked: Sequence[Ask]) -> None:
        replies = self._readers.ask(asked)
        self._last = replies[-1]
        if len(replies) == 1:
            self._note("asked", _answered(replies[0]), cited=replies[0].cited)
        else:
            text, numbers = summary(replies)
            self._note("asked", text, **numbers)

    def _judge(self, event: Feedback) -> None:
        said = event.feedback
        words = shortened(said.correction or said.comment or "")
        shown = " ".join(filter(None, ["" if said.value is None else f"{said.value:+d}", words]))
        refused = self._readers.judge(self._last, said) if self._last else "there was no answer"
        self._note("feedback", f"{shown}, refused: {refused}" if refused else shown, value=said.value)

    def _pass(self, hours: int) -> None:
        self.hour += hours
        age(self._resources["traces"], hours)
        due = [one for one in self._ticker.due() if one.twin == self._twin]
        errors = [error for one in due for error in self._ticker.execute(one)]
        text, numbers = drift_of(self._resources["store"], self._twin)
        self._note("drift", text if not errors else f"monitoring failed: {'; '.join(errors)}", **numbers)
        self.look()

    def _run(self, asked: Asked) -> None:
        before, started = standing(self._resources, self._twin), time.monotonic()
        errors = self._ticker.execute(asked)
        seconds = time.monotonic() - started
        after = standing(self._resources, self._twin)
        said = shortened("; ".join(errors)) if errors else outcome(asked.job, before, after)
        ended = "failed" if errors else "succeeded"
        self._note(
            "run",
            f"{asked.job.strip('_')} {ended} in {seconds:.0f} s: {said}",
            job=asked.job,
            succeeded=not errors,
            seconds=round(seconds, 1),
        )
        self._released(before, after)

    def _released(self, before: Standing, after: Standing) -> None:
        if after.release_id and after.release_id != before.release_id:
            self._note("release", f"{after.release_id} serves {self._twin}", release_id=after.release_id)
        self._await(after)

    def _await(self, now: Standing) -> None:
        """Wait until the server answers from what is live now: it follows by itself."""
        deadline = time.monotonic() + self._stage.settings.server_start_seconds
        while time.monotonic() < deadline:
            if self._readers.served() == (now.release_id, now.index_id):
                return
            time.sleep(0.1)

    def _told_alerts(self) -> None:
        now = alerts_of(self._stage.settings.local)
        for name in sorted(now.keys() - self._alerts.keys()):
            self._note("alert", now[name], key=name)
        self._alerts = now


def _wanted(asked: Asked) -> str:
    """Which run a sensor asks for, and why."""
    of_twin = f" of {asked.twin}" if asked.twin else ""
    selected = asked.request.asset_selection or []
    what = f"{len(selected)} assets" if asked.job.startswith("__") else asked.job
    reason = asked.request.tags.get(REASON)
    return f"{asked.trigger}: {what}{of_twin}" + (f", because {reason}" if reason else "")


def _answered(reply: Reply) -> str:
    if reply.error:
        return f"{reply.question} -> failed: {shortened(reply.error)}"
    cited = f" [{'; '.join(reply.cited)}]" if reply.cited else " (declined)" if reply.declined else ""
    return f"{reply.question} -> {shortened(reply.answer)}{cited}"
