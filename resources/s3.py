"""Objects in S3: read as they are now, put whole, on a condition where one is given, and removed.

Conditions are the service's own (`If-Match`, `If-None-Match`), so of several writers one wins.
"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cloudpathlib import S3Path

_GONE: Final = frozenset({"NoSuchKey", "404"})
# 409: another conditional write of the same object was under way.
_REFUSED: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_SAME: Final = frozenset({"304", "NotModified"})


class NoBucket(LookupError):
    """An address names a bucket that does not exist, or that these credentials may not see."""


@dataclass(frozen=True)
class Found:
    """An object as it was read. age: seconds since it was written, both by the service's own clock."""

    body: bytes
    etag: str
    age: float


def get(path: "S3Path") -> Found | None:
    """The object at a path, or None."""
    answer = _asked(path, "get_object", _GONE)
    if "Code" in answer:
        return None
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return Found(answer["Body"].read(), answer["ETag"], (now - answer["LastModified"]).total_seconds())


def fetch(path: "S3Path", target: Path, etag: str | None = None) -> str | None:
    """Write the object to a file, unless it is the one with this ETag; returns its ETag, None without one."""
    known = {"IfNoneMatch": etag} if etag else {}
    answer = _asked(path, "get_object", _GONE | _SAME, **known)
    if "Code" in answer:
        return etag if answer["Code"] in _SAME else None
    with target.open("wb") as file:
        for block in answer["Body"].iter_chunks(1 << 20):
            file.write(block)
    return str(answer["ETag"])


def etag(path: "S3Path") -> str | None:
    """The ETag of the object at exactly this path, or None where there is none."""
    return _asked(path, "head_object", _GONE).get("ETag")


def put(path: "S3Path", body: Any, match: str | None = None, new: bool = False) -> str | None:
    """Put bytes or an open file in one request; returns the new ETag, or None where the condition fails.

    match: the ETag that must be there. new: nothing may be there.
    """
    condition = {"IfMatch": match} if match else {"IfNoneMatch": "*"} if new else {}
    expected = _REFUSED | _GONE if condition else frozenset()
    answer = _asked(path, "put_object", expected, Body=body, **condition)
    return None if "Code" in answer else str(answer["ETag"])


def remove(path: "S3Path", match: str | None = None) -> None:
    """Remove an object, where it is still the one with this ETag; nothing happens where there is none."""
    _asked(path, "delete_object", _REFUSED | _GONE, **({"IfMatch": match} if match else {}))


def upload(file: Path, path: "S3Path") -> None:
    """Put a file of any size; the object appears when all of it is there."""
    path.client.client.upload_file(str(file), path.bucket, path.key)


def _asked(path: "S3Path", what: str, expected: frozenset[str], **more: Any) -> dict[str, Any]:
    """The answer to a request about an object, or `Code` alone where it failed with an expected one."""
    from botocore.exceptions import ClientError

    try:
        answer: dict[str, Any] = getattr(path.client.client, what)(Bucket=path.bucket, Key=path.key, **more)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in expected:
            return {"Code": code}
        if code == "NoSuchBucket":
            mend = "create it, or set LLM_TWIN_HOME to another"
            raise NoBucket(f"there is no bucket {path.bucket}: {mend}") from error
        raise
    return answer
