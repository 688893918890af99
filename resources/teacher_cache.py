"""What a teacher answered, so that no question is paid for twice, not even after a kill."""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from resources.teacher import Teacher, UnusableAnswer, Usage

BUSY_SECONDS: Final = 30.0
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)"


@dataclass(frozen=True)
class Prompt:
    """A question to a teacher; another `version` is another question, whatever the words are."""

    version: str
    system: str
    user: str
    schema: dict[str, Any]


class TeacherCache:
    """`teacher_cache.db` in a home folder: SQLite, so that any number of processes may use it.

    A key is the SHA-256 of model and prompt; neither the prompt nor the passage in it is stored.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "teacher_cache.db"

    def get(self, key: str) -> dict[str, Any] | None:
        """What stands under a key, None where nothing does."""
        if not self.path.exists():
            return None
        with self._open() as connection:
            found = connection.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        kept: dict[str, Any] | None = json.loads(found[0]) if found else None
        return kept

    def put(self, key: str, answer: dict[str, Any]) -> None:
        """Write an answer; when this returns it survives a kill of the process, and of the machine."""
        with self._open() as connection, connection:
            connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, json.dumps(answer)))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            # With NORMAL, SQLite's habit for WAL, a power cut takes the last answers back.
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(_SCHEMA)
            yield connection
        finally:
            connection.close()


class CachedTeacher:
    """A teacher that is asked each question once; answers that were of no use are remembered as such."""

    def __init__(self, teacher: Teacher, cache: TeacherCache) -> None:
        self._teacher = teacher
        self._cache = cache

    @property
    def model(self) -> str:
        """The model's name at its server."""
        return self._teacher.model

    @property
    def usage(self) -> Usage:
        """The tokens that were paid for; answers from the cache cost none."""
        return self._teacher.usage

    def known(self, prompt: Prompt) -> dict[str, Any] | None:
        """The answer that stands in the cache, {} for one that was of no use, None for no answer."""
        kept = self._cache.get(self._key(prompt))
        return None if kept is None else kept.get("answer", {})

    def ask(self, prompt: Prompt) -> dict[str, Any]:
        """The answer, from the cache or else from the teacher; raises TeacherError as `Teacher.ask` does."""
        key = self._key(prompt)
        kept = self._cache.get(key)
        if kept is None:
            kept = self._asked(prompt)
            self._cache.put(key, kept)
        if "answer" not in kept:
            raise UnusableAnswer(kept["fault"])
        answer: dict[str, Any] = kept["answer"]
        return answer

    def _asked(self, prompt: Prompt) -> dict[str, Any]:
        try:
            return {"answer": self._teacher.ask(prompt.system, prompt.user, prompt.schema)}
        except UnusableAnswer as unusable:
            return {"fault": str(unusable)}

    def _key(self, prompt: Prompt) -> str:
        parts = [self.model, prompt.version, prompt.schema, prompt.system, prompt.user]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
