"""Alerting: tells people what happened, through whatever apprise reaches; once an event, and never lost.

An alert is first written into a queue of each place that should hear of it, then sent from there. A place
that fails keeps its queue for the next time and holds up no other. Without a place an alert is logged.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from resources.files import read_json, write_json
from resources.locks import Locks
from resources.masking import Masking, secrets_of
from resources.settings import Settings

log = logging.getLogger(__name__)

Kind = Literal["run_failed", "check_failed", "check_warned", "drift", "rollback", "promotion", "endpoint"]
# How apprise shows each kind.
SHOWN: Final[dict[Kind, str]] = {
    "run_failed": "failure",
    "check_failed": "failure",
    "check_warned": "warning",
    "drift": "warning",
    "rollback": "failure",
    "promotion": "success",
    "endpoint": "failure",
}
# A sensor has a minute; a place that does not answer takes no more than this of it.
SEND_SECONDS: Final = 10.0
DELIVER_SECONDS: Final = 30.0
LONGEST_TITLE: Final = 200
LONGEST_BODY: Final = 1_500


@dataclass(frozen=True)
class Alert:
    """What happened, for a person. `key` names the event: two alerts with one key are the same event."""

    kind: Kind
    title: str
    body: str
    key: str


class Alerting:
    """The places that are told, and their queues under `alerts/` in a home. Constructing opens nothing."""

    def __init__(self, settings: Settings) -> None:
        self._urls = [url.get_secret_value() for url in settings.alert_urls]
        self._masking = Masking(secrets_of(settings))
        self._folder = settings.local / "alerts"
        self._locks = Locks(settings.local / "locks")

    def send(self, alert: Alert) -> bool:
        """Tell every place of an event, or nobody where its key is known; whether nothing is left to send."""
        self.queue(alert)
        return self.deliver() == 0

    def queue(self, alert: Alert) -> None:
        """Have an event told at the next `deliver`; one whose key is known is not queued again."""
        name = _name(alert.key)
        known = self._folder / "known" / name
        if known.exists():
            return
        masked = self._masked(alert)
        for queue in self._queues():
            if not (queue / name).exists():
                write_json(queue / name, asdict(masked))
        if not self._urls:
            log.warning("alert: %s: %s", masked.title, masked.body)
        # Last: whoever is killed before it queues the same files again.
        write_json(known, {"kind": alert.kind, "title": masked.title})

    def deliver(self, seconds: float = DELIVER_SECONDS) -> int:
        """Send what is queued, each place's in order until one fails; returns how many are left.

        No new alert is begun after so many seconds. Another process that is sending is left to do it.
        """
        deadline = time.monotonic() + seconds
        with self._locks.tried("alerts") as mine:
            if mine and self.waiting():
                with ThreadPoolExecutor(len(self._urls)) as places:
                    list(places.map(lambda url: self._deliver_to(url, deadline), self._urls))
        return self.waiting()

    def waiting(self) -> int:
        """How many alerts are still to be sent, each place's counted."""
        return sum(len(_queued(queue)) for queue in self._queues())

    def _deliver_to(self, url: str, deadline: float) -> None:
        """Sends a place's queue; its number among the settings is all that is ever told of it."""
        number, queue = self._urls.index(url) + 1, self._queue(url)
        try:
            waiting = _queued(queue)
            place = _Place(url) if waiting else None
            for path in waiting:
                if place is None or time.monotonic() > deadline:
                    return
                if not place.takes(Alert(**(read_json(path) or {}))):
                    log.error("place %d of LLM_TWIN_ALERT_URLS took no alert; it is tried again", number)
                    return
                path.unlink(missing_ok=True)
        except Exception as error:
            # Whatever a notifier does, the others are told; its message may hold the address.
            log.error("place %d of LLM_TWIN_ALERT_URLS failed: %s", number, type(error).__name__)

    def _masked(self, alert: Alert) -> Alert:
        title = self._masking.masked(" ".join(alert.title.split()))[:LONGEST_TITLE]
        return Alert(alert.kind, title, self._masking.masked(alert.body)[:LONGEST_BODY], alert.key)

    def _queues(self) -> Iterator[Path]:
        return map(self._queue, self._urls)

    def _queue(self, url: str) -> Path:
        return self._folder / "waiting" / _name(url).removesuffix(".json")


class _Place:
    """One address, as apprise knows it; raises ValueError where apprise does not."""

    def __init__(self, url: str) -> None:
        import apprise

        self._notifier = apprise.Apprise()
        if not self._notifier.add(url):
            raise ValueError("apprise knows no such address")

    def takes(self, alert: Alert) -> bool:
        """Whether the place has taken the alert, in SEND_SECONDS."""
        import apprise

        return bool(
            self._notifier.notify(
                body=alert.body or alert.title,
                title=alert.title,
                notify_type=apprise.NotifyType(SHOWN[alert.kind]),
                body_format=apprise.NotifyFormat.TEXT,
                timeout=SEND_SECONDS,
            )
        )


def _queued(queue: Path) -> list[Path]:
    """A queue's alerts, the oldest first."""
    return sorted(queue.glob("[!.]*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))


def _name(text: str) -> str:
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
