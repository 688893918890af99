"""Which files of a repository are read, prose and source that an author wrote, and as what text."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources.markdown import headings
from llm_twin_assets.sources.reading import Refused

PROSE = (".md", ".markdown", ".rst", ".txt", ".adoc")
# fmt: off
SOURCE = (
    ".py", ".pyi", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".go", ".rs", ".java", ".kt", ".scala",
    ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".swift", ".rb", ".php", ".pl", ".lua", ".r", ".jl", ".ex",
    ".exs", ".hs", ".clj", ".sh", ".bash", ".sql", ".vue", ".svelte", ".proto", ".tf",
    ".yaml", ".yml", ".toml",
)
# fmt: on
# Kept as items so that they are refused by name: a notebook is neither prose nor plain source.
NOTEBOOK = ".ipynb"
_NAMES = ("dockerfile", "makefile", "justfile", "rakefile", "gemfile")
# fmt: off
_FOLDERS = frozenset((
    ".git", ".venv", ".idea", ".vscode", "node_modules", "bower_components", "site-packages", "__pycache__",
    "vendor", "third_party", "dist", "build",
))
# fmt: on
_GENERATED = ("package-lock.json", "pnpm-lock.yaml", "npm-shrinkwrap.json", "go.sum")
_GENERATED_ENDINGS = (".lock", ".min.js", ".min.css", "_pb2.py", "_pb2_grpc.py", ".pb.go")


def is_kept(path: str, include: Sequence[str] = ()) -> bool:
    """Whether a file is prose or source that someone wrote by hand, and one of `include` matches it.

    `include` holds glob patterns over whole paths, in which * stands for slashes too; none matches all.
    """
    if include and not any(fnmatchcase(path, pattern) for pattern in include):
        return False
    return not _is_generated(path) and (_is_prose(path) or is_source(path))


def exact_text(data: bytes) -> str:
    """The text whose UTF-8 bytes are the file's: nothing is normalised; raises Refused."""
    if b"\0" in data:
        raise Refused(Reason.BINARY, "it holds zero bytes: leave it out with include, or convert it to text")
    try:
        text = data.decode("utf-8")
    except UnicodeError as error:
        raise Refused(Reason.UNDECODABLE, f"{error}: save it as UTF-8") from None
    if not text.strip():
        raise Refused(Reason.EMPTY, "no text was found in it: fill it, or remove it")
    return text


def title_of(path: str, text: str) -> str:
    """The first heading of prose, else the path."""
    first = next((h.words for h in headings(text) if h.words), None) if _is_prose(path) else None
    return first or path


def _is_prose(path: str) -> bool:
    name = PurePosixPath(path.lower())
    return name.suffix in PROSE or (name.name.startswith("readme") and not name.suffix)


def is_source(path: str) -> bool:
    """Whether a path, or an address that ends in one, names a source file."""
    name = PurePosixPath(path.lower())
    return name.suffix in (*SOURCE, NOTEBOOK) or name.name in _NAMES or name.stem == "dockerfile"


def _is_generated(path: str) -> bool:
    *folders, name = path.lower().split("/")
    return not _FOLDERS.isdisjoint(folders) or name in _GENERATED or name.endswith(_GENERATED_ENDINGS)
