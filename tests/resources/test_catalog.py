import os
import shutil
from pathlib import Path

import pytest

from resources.catalog import Catalog, SourceFile
from resources.twins import FeedSource, FileSource, GitSource, Source, Twin, Twins, WebSource


def catalog(root: Path, *sources: Source) -> Catalog:
    given = list(sources) or [FileSource(kind="folder", path=root / "texts")]
    return Catalog(Twins(root=root, sources=given, twins=[Twin(name="ada", author="Ada")]), root / "home")


def write(root: Path, name: str, words: str = "Some words.") -> Path:
    path = root / "texts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)
    return path


def files(found: Catalog) -> list[SourceFile]:
    return [file for source in found.twins.sources for file in found.files(source)]


def names(found: Catalog) -> list[str]:
    return [file.name for file in files(found)]


def test_files_are_named_from_the_twins_folder_and_sorted(tmp_path):
    for name in ("b.md", "a/z.txt", "a/B.HTML"):
        write(tmp_path, name)
    assert names(catalog(tmp_path)) == ["texts/a/B.HTML", "texts/a/z.txt", "texts/b.md"]


def test_hidden_files_and_folders_are_skipped(tmp_path):
    for name in (".hidden.md", ".git/inside.md", "seen.md"):
        write(tmp_path, name)
    assert names(catalog(tmp_path)) == ["texts/seen.md"]


def test_other_endings_are_listed_but_are_no_documents(tmp_path):
    for name in ("a.md", "b.Markdown", "c.txt", "d.htm", "e.html", "f.png", "g", "h.pdf"):
        write(tmp_path, name)
    found = files(catalog(tmp_path))
    assert [file.path.name for file in found if not file.is_document] == ["f.png", "g"]


def test_size_and_time_are_the_files_own(tmp_path):
    path = write(tmp_path, "a.md", "12345")
    os.utime(path, ns=(1, 7))
    (file,) = files(catalog(tmp_path))
    assert (file.size, file.mtime_ns, file.problem) == (5, 7, None)


def test_what_cannot_be_read_is_listed_with_its_problem(tmp_path):
    write(tmp_path, "good.md")
    (tmp_path / "texts" / "dangling.md").symlink_to(tmp_path / "nowhere.md")
    (tmp_path / "texts" / "folder.md").mkdir()
    os.mkfifo(tmp_path / "texts" / "pipe.txt")
    problems = {file.path.name: file.problem for file in files(catalog(tmp_path))}
    assert problems.pop("good.md") is None
    assert problems == {
        "dangling.md": "No such file or directory",
        "folder.md": "a folder, where a readable file was expected",
        "pipe.txt": "not a regular file",
    }
    assert all(file.is_document for file in files(catalog(tmp_path)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_missing_permissions_are_problems(tmp_path):
    write(tmp_path, "shut.md").chmod(0)
    write(tmp_path, "closed/inside.md").parent.chmod(0)
    problems = {file.path.name: file.problem for file in files(catalog(tmp_path))}
    (tmp_path / "texts" / "closed").chmod(0o700)
    assert problems["shut.md"] == "no permission to read it"
    assert "folder" in problems["closed"]


def test_a_source_that_vanished_is_one_unreadable_document(tmp_path):
    (file,) = files(catalog(tmp_path, FileSource(kind="folder", path=tmp_path / "gone")))
    assert file.is_document
    assert file.problem == "No such file or directory"


def test_documents_in_a_folder_that_is_named_like_one_are_found(tmp_path):
    write(tmp_path, "odd.md/inside.md")
    assert names(catalog(tmp_path)) == ["texts/odd.md", "texts/odd.md/inside.md"]


def test_links_are_followed_but_not_in_circles(tmp_path):
    write(tmp_path, "a/one.md")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "two.md").write_text("Two.")
    (tmp_path / "texts" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "texts" / "a" / "round").symlink_to(tmp_path / "texts")
    assert names(catalog(tmp_path)) == ["texts/a/one.md", "texts/linked/two.md"]


def test_a_source_may_be_one_file(tmp_path):
    path = write(tmp_path, "odd.text")
    (file,) = files(catalog(tmp_path, FileSource(kind="folder", path=path)))
    assert file.name == "texts/odd.text"
    assert file.is_document


def test_an_export_is_a_document_whatever_its_name(tmp_path):
    path = write(tmp_path, "export.json", "[]")
    (file,) = files(catalog(tmp_path, FileSource(kind="handbook_export", path=path)))
    assert file.is_document


def test_an_export_that_is_a_folder_is_one_problem(tmp_path):
    write(tmp_path, "a.json")
    (file,) = files(catalog(tmp_path, FileSource(kind="handbook_export", path=tmp_path / "texts")))
    assert file.problem == "a folder, where a readable file was expected"


def test_names_are_composed_and_printable(tmp_path):
    write(tmp_path, "cafe\u0301.md")
    (tmp_path / "texts" / os.fsdecode(b"bad\xff.md")).write_text("Words.")
    found = catalog(tmp_path)
    assert names(found) == ["texts/bad\\udcff.md", "texts/caf\u00e9.md"]
    assert found.fingerprint()


def test_the_fingerprint_rests_while_nothing_changes(tmp_path):
    write(tmp_path, "a.md")
    assert catalog(tmp_path).fingerprint() == catalog(tmp_path).fingerprint()


@pytest.mark.parametrize("change", ["content", "time", "added", "removed", "renamed", "dangling"])
def test_the_fingerprint_follows_every_change(tmp_path, change):
    path = write(tmp_path, "a.md")
    write(tmp_path, "b.md")
    before = catalog(tmp_path).fingerprint()
    if change == "content":
        path.write_text("Other words, more of them.")
    elif change == "time":
        os.utime(path, ns=(1, 1))
    elif change == "added":
        write(tmp_path, "c.md")
    elif change == "removed":
        path.unlink()
    elif change == "renamed":
        path.rename(path.with_name("z.md"))
    else:
        path.unlink()
        path.symlink_to("nowhere")
    assert catalog(tmp_path).fingerprint() != before


def test_the_fingerprint_follows_the_declared_author(tmp_path):
    write(tmp_path, "a.md")
    by = [FileSource(kind="folder", path=tmp_path / "texts", author=author) for author in (None, "Ada")]
    assert catalog(tmp_path, by[0]).fingerprint() != catalog(tmp_path, by[1]).fingerprint()


@pytest.mark.parametrize(
    "remote",
    [
        FeedSource(kind="feed", url="https://ada.example/feed"),
        WebSource(kind="web", urls=["https://ada.example/one"]),
        GitSource(kind="git", url="https://git.example/ada"),
    ],
)
def test_a_remote_source_is_due_once_in_a_while(tmp_path, remote):
    now = [7200.0]
    twins = Twins(root=tmp_path, sources=[remote], twins=[Twin(name="ada", author="Ada")])
    found = Catalog(twins, tmp_path / "home", poll_seconds=3600, clock=lambda: now[0])
    before = found.fingerprint()
    now[0] += 3599
    assert found.fingerprint() == before
    now[0] += 1
    assert found.fingerprint() != before


def test_local_sources_alone_are_never_due(tmp_path):
    write(tmp_path, "a.md")
    now = [0.0]
    found = Catalog(catalog(tmp_path).twins, tmp_path / "home", clock=lambda: now[0])
    before = found.fingerprint()
    now[0] = 1e9
    assert found.fingerprint() == before


def test_the_fingerprint_follows_what_is_trusted_and_what_is_forgotten(tmp_path):
    write(tmp_path, "a.md")
    plain = catalog(tmp_path)
    before = plain.fingerprint()
    trusting = Catalog(plain.twins.model_copy(update={"trusted": ["file:a.md"]}), tmp_path / "home")
    assert trusting.fingerprint() != before
    plain.forgotten.add("file:a.md")
    assert plain.fingerprint() != before
    assert plain.forgotten.remove("file:a.md")
    assert plain.fingerprint() == before


def test_names_of_sources_do_not_hold_where_they_lie(tmp_path):
    write(tmp_path, "a.md")
    git = GitSource(kind="git", url=str(tmp_path / "texts"))
    found = catalog(tmp_path, FileSource(kind="folder", path=tmp_path / "texts"), git)
    assert [found.name(source) for source in found.twins.sources] == ["folder texts", "git texts"]
    assert str(tmp_path) not in "".join(found.declaration(source) for source in found.twins.sources)


def test_the_fingerprint_does_not_depend_on_where_everything_lies(tmp_path):
    write(tmp_path / "here", "a.md")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    assert catalog(tmp_path / "here").fingerprint() == catalog(tmp_path / "there").fingerprint()
