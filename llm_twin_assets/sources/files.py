"""Sources that are files of this machine: a file is an item, known by its size and time."""

from collections.abc import Callable

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.archives import zipped
from llm_twin_assets.sources.connector import Item
from llm_twin_assets.sources.reading import MAX_BYTES, Entry, Refused
from resources.catalog import SourceFile

# The documents in a file's bytes; the name is the file's, the author the one whom its source declares.
Parse = Callable[[str, bytes, str | None], list[Entry]]


class FilesConnector:
    """The files of one source; `most` is how many bytes one of them may have."""

    keeps_vanished = False

    def __init__(self, files: list[SourceFile], parse: Parse, most: int = MAX_BYTES) -> None:
        self._files = {file.name: file for file in files}
        self._parse = parse
        self._most = most

    def items(self) -> list[Item]:
        """The files that are documents, or should be, in the order of their names."""
        return [Item(name, file.mark) for name, file in sorted(self._files.items())]

    def fetch(self, item: Item) -> bytes:
        """A file's bytes; raises Refused where it is too large or cannot be read."""
        file = self._files[item.name]
        if file.problem:
            raise Refused(Reason.UNREADABLE, f"{file.problem}: mend or remove it")
        if file.size > self._most:
            limit, size = self._most // 1_000_000, file.size / 1_000_000
            raise Refused(Reason.TOO_LARGE, f"{size:.0f} MB, the limit is {limit} MB: split the file")
        try:
            return zipped(file.path) if file.path.is_dir() else file.path.read_bytes()
        except OSError as error:
            raise Refused(Reason.UNREADABLE, f"{error.strerror}: check its permissions") from None

    def parse(self, item: Item, data: bytes) -> list[Entry]:
        """The documents in a file."""
        return self._parse(item.name, data, self._files[item.name].source.author)
