"""Where things lie: a folder of this machine, or an address in S3 with a folder here for the rest."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.session import Session
    from cloudpathlib import S3Path
    from typing_extensions import TypeIs

    Place = Path | S3Path
else:
    # The library is only loaded where a home lies in S3.
    Place = Any


def is_remote(place: Place) -> "TypeIs[S3Path]":
    """Whether a place lies in S3."""
    return not isinstance(place, Path)


def place(address: "Place | str", scratch: Path | None = None) -> Place:
    """The folder or S3 address written like this; `scratch` holds what cannot lie in S3.

    Raises ValueError for an address that names no bucket, or where the libraries for S3 are missing.
    """
    if isinstance(address, Path) or not str(address).startswith("s3:"):
        return Path(str(address)).expanduser().absolute()
    written = str(address).rstrip("/")
    inside = written.removeprefix("s3://")
    if not written.startswith("s3://") or not inside.partition("/")[0] or "//" in inside:
        raise ValueError(f"{written!r} is no address in S3: write it as s3://bucket/prefix")
    return _opened(written, (scratch or _usual_scratch(written)).expanduser().absolute())


def scratch_of(home: Place) -> Path:
    """The folder of this machine for what cannot lie in S3; a local home's is the home itself."""
    return Path(home.client._local_cache_dir).parent if is_remote(home) else home


def _usual_scratch(address: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "llm-twin" / hashlib.sha256(address.encode()).hexdigest()[:16]


def _opened(address: str, scratch: Path) -> "S3Path":
    try:
        from cloudpathlib import S3Client, S3Path
        from cloudpathlib.enums import FileCacheMode
    except ImportError as error:
        raise ValueError("homes in S3 need more libraries: install llm-twin[aws]") from error
    client = S3Client(
        botocore_session=_impatient(),
        # The library takes the general address before the one for S3; boto3 does it the other way round.
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"),
        # Its cache tells versions apart by whole seconds, so nothing is read through it.
        local_cache_dir=scratch / "cloudpathlib",
        file_cache_mode=FileCacheMode.persistent,
    )
    return S3Path(address, client=client)


def _impatient() -> "Session":
    """What clients are made of that give a hung request up before its lease is lost (see leases.py)."""
    from botocore.config import Config
    from botocore.session import Session

    # A lease of 30 s is written again after 10. A try that hangs takes at most 5 + 8 s and a pause of 1 s, so
    # the next one begins before second 25, when the lease counts as lost; both together take less than 30 s.
    limits = Config(connect_timeout=5, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 2})
    session = Session()
    session.set_default_client_config(limits)
    return session
