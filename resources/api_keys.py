"""API keys: who may ask the server, which twins, and how often; and the secrets the server keeps itself."""

import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from resources.files import fetched, mark, read_json, replacing, write_json
from resources.leases import locks_of
from resources.places import Place, is_remote

PREFIX: Final = "ltk_"
SECRET_BYTES: Final = 32
# How long a server with a home in S3 goes on with the keys that it knows: every request asks for them.
LOOK_SECONDS: Final = 2.0


class UnknownKey(LookupError):
    """A key was named that was never made."""


@dataclass(frozen=True)
class ApiKey:
    """Who asks, as far as the server knows. twins: the twins it may ask; None means every twin.

    requests_per_minute: its own limit; None means the settings' limit. Times are ISO, in UTC.
    """

    key_id: str
    name: str
    twins: tuple[str, ...] | None
    requests_per_minute: int | None
    created_at: str
    revoked_at: str | None = None

    def may(self, twin: str) -> bool:
        """Whether it may ask this twin."""
        return self.twins is None or twin in self.twins


# What the machine's own command line and runs are, once they have shown the local token.
LOCAL: Final = ApiKey("local", "this machine's command line", None, None, "")


class ApiKeys:
    """`serving/keys.json` under LLM_TWIN_HOME, readable by its owner only. Constructing opens nothing.

    Of a secret only its SHA-256 is kept. A secret is 256 random bits, not a password: there is no list
    of likely ones to try, so a slow hash would cost every request time and protect nothing more.
    """

    def __init__(self, home: Place) -> None:
        self._path = home / "serving" / "keys.json"
        self._locks = locks_of(home)
        self._looked_at = -math.inf
        self._read_at: object = None
        self._kept: list[tuple[ApiKey, str]] = []

    def create(
        self, name: str, twins: Sequence[str] | None = None, requests_per_minute: int | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key; the secret returned beside it can never be shown again. Raises ValueError."""
        _check(name, twins, requests_per_minute)
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        scope = None if twins is None else tuple(dict.fromkeys(twins))
        key = ApiKey(f"key_{secrets.token_hex(6)}", name.strip(), scope, requests_per_minute, _now())
        with self._locks.held("api-keys"):
            self._write([*self._stored(), (key, _hash(secret))])
        return key, secret

    def check(self, secret: str) -> ApiKey | None:
        """The key of this secret, unless it is unknown or revoked.

        Every stored hash is compared to its end, so the time taken says nothing about how much fitted.
        """
        shown, found = _hash(secret), None
        for key, kept in self._current():
            if hmac.compare_digest(shown, kept) and key.revoked_at is None:
                found = key
        return found

    def all(self) -> list[ApiKey]:
        """Every key that was ever made, oldest first."""
        return [key for key, _ in self._current()]

    def any(self) -> bool:
        """Whether there is a key that opens the server."""
        return any(key.revoked_at is None for key in self.all())

    def revoke(self, key_id: str) -> ApiKey:
        """Let a key open nothing from now on; its row stays. Raises UnknownKey."""
        with self._locks.held("api-keys"):
            stored = {key.key_id: (key, kept) for key, kept in self._stored()}
            if key_id not in stored:
                raise UnknownKey(f"there is no key {key_id!r}; there are: {', '.join(stored) or 'none'}")
            key, kept = stored[key_id]
            key = replace(key, revoked_at=key.revoked_at or _now())
            self._write(list((stored | {key_id: (key, kept)}).values()))
        return key

    def _current(self) -> list[tuple[ApiKey, str]]:
        """The stored keys; the file is read again only when it is another one than before."""
        if is_remote(self._path) and time.monotonic() - self._looked_at < LOOK_SECONDS:
            return self._kept
        now, self._looked_at = mark(self._path), time.monotonic()
        if now is None:
            self._read_at, self._kept = None, []
        elif now != self._read_at:
            self._kept = self._stored()
            self._read_at = now
        return self._kept

    def _stored(self) -> list[tuple[ApiKey, str]]:
        try:
            stored = read_json(self._path)
            return [] if stored is None else [_read(row) for row in stored["keys"]]
        except (AttributeError, json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._path} is not a list of keys ({error}): mend it, or move it away and make new keys"
            ) from error

    def _write(self, keys: list[tuple[ApiKey, str]]) -> None:
        # The temporary file that takes the place is made by mkstemp: only its owner may read it.
        self._looked_at = -math.inf
        write_json(self._path, {"keys": [asdict(key) | {"sha256": kept} for key, kept in keys]})


def local_token(home: Place) -> str:
    """What this machine's command line and runs show to their own server: it opens every twin."""
    return kept_secret(home, "token")


def kept_secret(home: Place, name: str) -> str:
    """The random secret in `serving/<name>`, for its owner's eyes only; made once, at the first call."""
    path = home / "serving" / name
    with locks_of(home).held(f"serving-{name}"):
        there = fetched(path)
        kept = there.read_text().strip() if there else ""
        if not kept:
            kept = secrets.token_urlsafe(SECRET_BYTES)
            with replacing(path) as temporary:
                temporary.write_text(kept + "\n")
    return kept


def _check(name: str, twins: Sequence[str] | None, requests_per_minute: int | None) -> None:
    if not name.strip():
        raise ValueError("name: it is empty: say who or what the key is for")
    if twins is not None and not twins:
        raise ValueError("twins: the list is empty: name at least one, or leave it out for every twin")
    if requests_per_minute is not None and requests_per_minute < 1:
        raise ValueError(f"requests_per_minute: {requests_per_minute} is too few: give at least 1")


def _read(row: dict[str, Any]) -> tuple[ApiKey, str]:
    fields = {name: value for name, value in row.items() if name != "sha256"}
    twins = fields.pop("twins")
    return ApiKey(twins=None if twins is None else tuple(twins), **fields), row["sha256"]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
