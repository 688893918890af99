"""What somebody asked to be forgotten: addresses that are never read again, wherever they stand."""

from datetime import UTC, datetime

from resources.files import read_json, write_json
from resources.leases import locks_of
from resources.places import Place


class Forgotten:
    """`forgotten.json` under LLM_TWIN_HOME: addresses, and since when."""

    def __init__(self, home: Place) -> None:
        self._path = home / "forgotten.json"
        self._locks = locks_of(home)

    def add(self, uri: str) -> None:
        """Forget an address from now on."""
        with self._locks.held("forgotten"):
            known = self._known()
            if uri not in known:
                write_json(self._path, known | {uri: datetime.now(UTC).isoformat(timespec="seconds")})

    def remove(self, uri: str) -> bool:
        """Let an address be read again; says whether it was forgotten."""
        with self._locks.held("forgotten"):
            known = self._known()
            if uri in known:
                write_json(self._path, {key: since for key, since in known.items() if key != uri})
            return uri in known

    def uris(self) -> list[str]:
        """The forgotten addresses."""
        return sorted(self._known())

    def _known(self) -> dict[str, str]:
        return read_json(self._path) or {}
