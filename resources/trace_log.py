"""TraceLog: what servers record as numbered batches in S3, for every machine to take in in one order.

A batch is one object that is never changed. Its number is the next that nobody has: of two writers who want
the same one, S3 lets one create the object (`If-None-Match`), and the other goes on to the next. A snapshot,
a database that holds everything up to a number, stands for the batches before it once they are a day old.
"""

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resources import s3

if TYPE_CHECKING:
    from cloudpathlib import S3Path

# What a record is of: columns of a request, columns of feedback, or the moment before which all is forgotten.
TRACE, FEEDBACK, FORGET = "trace", "feedback", "forget"
# A writer that stood still for less than this cannot take a number that was removed.
REMOVED_AFTER: Final = timedelta(days=1)
_NUMBER: Final = re.compile(r"(\d{12})\.jsonl\.gz$")


@dataclass(frozen=True)
class Record:
    """One line of a batch."""

    kind: str
    content: dict[str, Any]


class TraceLog:
    """The batches and the snapshot under `traces/` in a home."""

    def __init__(self, home: "S3Path") -> None:
        self._folder = home / "traces"
        self._snapshot = self._folder / "snapshot.db"

    def append(self, records: Sequence[Record], after: int) -> int:
        """Put records as one batch; returns its number, which is above `after`, a number that is taken."""
        lines = "".join(json.dumps([one.kind, one.content], ensure_ascii=False) + "\n" for one in records)
        body, number = gzip.compress(lines.encode(), mtime=0), after + 1
        while s3.put(self._batch(number), body, new=True) is None:
            number += 1
        return number

    def numbers(self, after: int) -> list[int]:
        """The numbers of the batches there are above one, in order; a thousand at most."""
        found = self._listed(after)
        return [number for number, _ in found]

    def read(self, number: int) -> list[Record]:
        """A batch's records. Raises LookupError where it was removed meanwhile."""
        found = s3.get(self._batch(number))
        if found is None:
            raise LookupError(f"{self._batch(number)} is not there")
        # Not splitlines, which knows line ends that JSON leaves as they are.
        lines = gzip.decompress(found.body).decode().split("\n")[:-1]
        return [Record(*json.loads(line)) for line in lines]

    def put_snapshot(self, database: Path, number: int) -> None:
        """Let a database stand for the batches up to a number, and remove those of them that are old.

        The newest of them stays: a reader that is behind sees from it that it is. Call under a lease.
        """
        s3.upload(database, self._snapshot)
        old = datetime.now(UTC) - REMOVED_AFTER
        for one, written in self._listed(0):
            if one < number and written < old:
                s3.remove(self._batch(one))

    def fetch_snapshot(self, target: Path) -> bool:
        """Write the snapshot to a file; returns whether there is one."""
        return s3.fetch(self._snapshot, target) is not None

    def _batch(self, number: int) -> "S3Path":
        return self._folder / "log" / f"{number:012d}.jsonl.gz"

    def _listed(self, after: int) -> list[tuple[int, datetime]]:
        folder = self._folder / "log"
        answer = folder.client.client.list_objects_v2(
            Bucket=folder.bucket, Prefix=f"{folder.key}/", StartAfter=self._batch(after).key
        )
        named = [(_NUMBER.search(one["Key"]), one["LastModified"]) for one in answer.get("Contents", [])]
        return [(int(match[1]), written) for match, written in named if match]
