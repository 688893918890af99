"""Folders as SageMaker takes them: every file an object of its own below a prefix, or one packed object."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from resources import s3
from resources.packing import pack

if TYPE_CHECKING:
    from cloudpathlib import S3Path


def uploaded(folder: Path, target: "S3Path") -> str:
    """The prefix at which a folder's files lie, once they do.

    The prefix is named by the content, so a file that is there already is not sent again.
    """
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        there = target / file.relative_to(folder).as_posix()
        if s3.etag(there) is None:
            s3.upload(file, there)
    return str(target)


def packed(folder: Path, target: "S3Path") -> str:
    """The address of a folder's content as one .tar.gz, named by the content, once it is there."""
    if s3.etag(target) is None:
        with TemporaryDirectory() as aside:
            pack(folder, Path(aside) / "packed")
            s3.upload(Path(aside) / "packed", target)
    return str(target)
