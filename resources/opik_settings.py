"""Where Opik is, from Opik's own environment variables and no others."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

CLOUD: Final = "https://www.comet.com/opik/api"
# What Opik itself takes where the variable is not set.
WORKSPACE: Final = "default"
PROJECT: Final = "Default Project"


@dataclass(frozen=True)
class OpikPlace:
    """A project of a workspace of an Opik server; `url` ends with the API's path and no slash."""

    url: str
    workspace: str = WORKSPACE
    project: str = PROJECT
    api_key: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What tells this place from another, without a secret."""
        return f"{self.url} {self.workspace}/{self.project}"


def opik_configured(environ: Mapping[str, str] | None = None) -> OpikPlace | None:
    """The place that OPIK_URL_OVERRIDE, OPIK_API_KEY, OPIK_WORKSPACE and OPIK_PROJECT_NAME name.

    None where neither of the first two is set: then nothing may leave the machine. A key without an
    address means Comet's cloud, as it does for Opik. Raises ValueError, naming the variable.
    """
    given = os.environ if environ is None else environ
    url, key, workspace, project = (
        given.get(name, "").strip()
        for name in ("OPIK_URL_OVERRIDE", "OPIK_API_KEY", "OPIK_WORKSPACE", "OPIK_PROJECT_NAME")
    )
    if not (url or key):
        return None
    if not url and not workspace:
        raise ValueError("OPIK_API_KEY alone means Comet's cloud: name OPIK_WORKSPACE, or OPIK_URL_OVERRIDE")
    if not (key.isascii() and key.isprintable()):
        raise ValueError("OPIK_API_KEY holds characters that no key has")
    return OpikPlace(_address(url or CLOUD), workspace or WORKSPACE, project or PROJECT, key or None)


def opik_place() -> OpikPlace | None:
    """Where Opik is, by the environment and `.env`; None where it is not configured. Raises ValueError."""
    return opik_configured(_surroundings())


def opik_key() -> str:
    """The key that `opik_place` takes, whatever else is configured; "" where there is none."""
    return _surroundings().get("OPIK_API_KEY", "").strip()


def _surroundings() -> dict[str, str]:
    """The variables of `.env`, and before them those of the environment."""
    from dotenv import dotenv_values

    return {name: value or "" for name, value in {**dotenv_values(".env"), **os.environ}.items()}


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("OPIK_URL_OVERRIDE is no address: write it as http://localhost:5173/api")
    if "@" in parts.netloc:
        raise ValueError("OPIK_URL_OVERRIDE holds a password: give the key in OPIK_API_KEY")
    return url.rstrip("/")
