"""Exporters as processes that die as processes do, without paying for the SDK's import each time.

The nursery is a process that has imported the SDK; each exporter is a fork of it. Run as a program it reads
lines (home, address, seconds of silence), and tells on its own lines what its exporters do.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Nursery:
    """Begins exporters, and hears what they say and how they end."""

    def __init__(self):
        self._told, self._news = {}, threading.Condition()
        command = [sys.executable, "-m", "tests.resources.opik_exporter"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=ROOT
        )
        self._number = 0
        threading.Thread(target=self._hear, daemon=True).start()

    def begin(self, home, url, silence):
        """An exporter of this home, under way."""
        self._number += 1
        self._process.stdin.write(json.dumps([self._number, str(home), url, silence]) + "\n")
        return Exporter(self, self._number)

    def told(self, number, name, seconds=120.0):
        """What was said of an exporter under a name; waited for."""
        with self._news:
            there = self._news.wait_for(lambda: name in self._told.get(number, {}), seconds)
            assert there, f"exporter {number} has not told its {name}: {self._told.get(number)}"
            return self._told[number][name]

    def close(self):
        self._process.stdin.close()
        self._process.wait()

    def _hear(self):
        for line in self._process.stdout:
            number, name, value = json.loads(line)
            with self._news:
                self._told.setdefault(number, {})[name] = value
                self._news.notify_all()


class Exporter:
    """One export in a process of its own."""

    def __init__(self, nursery, number):
        self._nursery, self._number = nursery, number

    def kill(self):
        """SIGKILL, and wait until it is gone."""
        os.kill(self._nursery.told(self._number, "pid"), 9)
        assert self._nursery.told(self._number, "gone")[0] == -9

    def ended(self):
        """(seconds from its beginning to the process's end, [pending, verified, why it stopped])."""
        status, seconds = self._nursery.told(self._number, "gone")
        assert status == 0
        return seconds, self._nursery.told(self._number, "done")


def main():
    """Fork an exporter for each line; end once there are no more and all are gone."""
    import_the_sdk()
    watchers = []
    for line in sys.stdin:
        number, *how = json.loads(line)
        began = time.monotonic()
        # Before the fork: nobody may be in the middle of a line then.
        if (pid := os.fork()) == 0:
            export_and_end(number, *how)
        tell(number, "pid", pid)
        watchers.append(threading.Thread(target=watch, args=(number, pid, began)))
        watchers[-1].start()
    for watcher in watchers:
        watcher.join()


def import_the_sdk():
    from opik.rest_api.types import feedback_score_batch_item, span_write, trace_write  # noqa: F401

    from resources.opik_client import connected
    from resources.opik_settings import OpikPlace

    with connected(OpikPlace("http://127.0.0.1:9/api")):
        pass


def export_and_end(number, home, url, silence):
    """As a process of its own would: with Python's own end, and no thread of the nursery's."""
    from resources.opik_export import export
    from resources.opik_settings import OpikPlace
    from resources.traces import TraceStore

    place = OpikPlace(url, project="twins")
    done = export(TraceStore(Path(home)), place, ["ada"], str, silence=silence)
    tell(number, "done", [done.pending, done.verified, done.stopped])
    sys.exit(0)


def watch(number, pid, began):
    _, status = os.waitpid(pid, 0)
    tell(number, "gone", [os.waitstatus_to_exitcode(status), time.monotonic() - began])


def tell(*what):
    """One write, so that lines of several processes do not mix."""
    os.write(1, (json.dumps(what) + "\n").encode())


if __name__ == "__main__":
    main()
