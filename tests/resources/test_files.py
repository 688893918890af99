import multiprocessing
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from resources import files, s3
from resources.files import (
    copy_of,
    drop,
    drop_copies,
    fetched,
    here,
    listed,
    mark,
    read_json,
    remove,
    replacing,
    settle,
    stands,
    sweep,
    working,
    write_json,
    write_marked,
)


def _settled(final, content="a", *shown):
    with working(final) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text(content)
        (folder / "about.json").write_text('{"a": 1}')
        (folder / "empty").mkdir()
        settle(folder, final, *shown)


@pytest.fixture
def elsewhere(s3_server, tmp_path):
    """A place in S3 as another machine sees it."""
    return lambda path, name="elsewhere": s3_server.on(path, tmp_path / name)


def test_a_failed_write_leaves_the_old_content_and_nothing_else(home):
    path = home / "kept.txt"
    with replacing(path) as temporary:
        temporary.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("stopped in the middle")
    assert fetched(path).read_text() == "old"
    assert list(home.iterdir()) == [path]
    assert list(copy_of(home).glob(".*")) == []


def test_json_round_trip_and_absence(home):
    write_json(home / "deep" / "a.json", {"é": [1, None]})
    assert read_json(home / "deep" / "a.json") == {"é": [1, None]}
    assert read_json(home / "none.json") is None


def test_a_file_is_read_as_it_is_now_marked_listed_and_removed(home):
    path = home / "words" / "a.json"
    assert (fetched(path), mark(path), listed(home / "words", "*.json")) == (None, None, [])
    write_json(path, 1)
    before = mark(path)
    assert mark(path) == before
    for value in range(2, 5):  # within one second, which is how exactly S3 tells times
        write_json(path, value)
        assert fetched(path).read_text() == f"{value}\n"
    assert mark(path) != before
    write_json(home / "words" / "b.json", 1)
    assert listed(home / "words", "*.json") == [path, home / "words" / "b.json"]
    remove(path)
    remove(path)
    assert (fetched(path), read_json(path)) == (None, None)


def test_a_page_is_made_anew_only_under_another_mark(home):
    made = []

    def text():
        made.append("made")
        return "page"

    for at in ("one", "one", "two"):
        assert write_marked(home / "page.html", at, text) == home / "page.html"
    assert len(made) == 2
    assert fetched(home / "page.html").read_text() == "page<!-- two -->"


def test_settle_keeps_what_already_stands_under_the_hash(home):
    final = home / "abc"
    assert not stands(final)
    for content in ("first", "second"):
        _settled(final, content)
    assert stands(final)
    assert (here(final) / "deep" / "file").read_text() == "first"
    assert (here(final) / "empty").is_dir()
    assert list(home.iterdir()) == [final]
    drop(final)
    assert not stands(final)


def test_what_was_not_settled_is_gone(home):
    with pytest.raises(RuntimeError), working(home / "abc") as folder:
        (folder / "half").write_text("")
        raise RuntimeError("stopped in the middle")
    assert not folder.exists()
    assert not stands(home / "abc")


def test_sweep_removes_only_what_killed_writers_left(home):
    write_json(home / "place" / "kept", "")
    local = copy_of(home / "place")
    (local / ".new-x").mkdir(parents=True)
    (local / ".part.parquet.tmp").write_text("")
    sweep(home / "place")
    assert [path.name for path in local.iterdir() if path.name.startswith(".")] == []
    assert read_json(home / "place" / "kept") == ""
    sweep(home / "not there")


def test_another_machine_gets_each_version_of_a_file_once(s3_home, s3_server, elsewhere):
    path = s3_home / "a.json"
    write_json(path, 1)
    other = elsewhere(path)
    first = fetched(other)
    assert first.read_text() == "1\n"
    inode = first.stat().st_ino
    assert fetched(other).stat().st_ino == inode, "it came over the network again"
    write_json(path, 2)
    assert fetched(other).read_text() == "2\n"
    write_json(path, 1)
    assert fetched(other).read_text() == "1\n"
    asked = len(s3_server.asked)
    fetched(other)
    assert len(s3_server.asked) == asked + 1


def test_another_machine_unpacks_a_folder_once_and_forgets_what_is_gone(s3_home, s3_server, elsewhere):
    _settled(s3_home / "old")
    _settled(s3_home / "new", "b")
    assert (here(elsewhere(s3_home / "old")) / "deep" / "file").read_text() == "a"
    drop(s3_home / "old")
    new = here(elsewhere(s3_home / "new"))
    assert (new / "deep" / "file").read_text() == "b"
    assert (new / "empty").is_dir()
    assert [path.name for path in new.parent.iterdir()] == ["new"]
    asked = len(s3_server.asked)
    assert here(elsewhere(s3_home / "new")) == new
    assert len(s3_server.asked) == asked
    drop_copies(elsewhere(s3_home))
    assert not new.exists()
    assert (here(elsewhere(s3_home / "new")) / "deep" / "file").read_text() == "b"


def _cut_short(folder, **_):
    if "copies" in Path(folder).parts:
        raise KeyboardInterrupt


@pytest.mark.parametrize("removes", ["drop", "drop_copies", "another's"])
def test_a_copy_whose_removal_was_cut_short_is_not_taken_for_whole(s3_home, elsewhere, monkeypatch, removes):
    other = elsewhere(s3_home)
    for name in ("old", "new"):
        _settled(s3_home / name)
    copy = here(other / "old")
    if removes == "another's":
        drop(s3_home / "old")
    removal = {"drop": lambda: drop(other / "old"), "drop_copies": lambda: drop_copies(other)}
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(files.shutil, "rmtree", _cut_short)
        removal.get(removes, lambda: here(other / "new"))()
    assert not copy.exists()
    sweep(other)
    assert list(copy.parent.glob(".*")) == []


def test_what_a_living_writer_has_beside_the_copies_stays(s3_home):
    write_json(s3_home / "words" / "a.json", 1)
    with replacing(s3_home / "words" / "b.json") as file, working(s3_home / "abc") as folder:
        file.write_text("2")
        (folder / "about.json").write_text("{}")
        drop_copies(s3_home)
        assert not copy_of(s3_home / "words" / "a.json").exists()
        settle(folder, s3_home / "abc")
    assert read_json(s3_home / "words" / "b.json") == 2
    assert (here(s3_home / "abc") / "about.json").exists()


def test_what_other_readers_remove_meanwhile_does_not_stop_one(s3_home, monkeypatch):
    path, gone = s3_home / "a.json", copy_of(s3_home / "a.json") / "gone"
    write_json(path, 1)
    fetched(path)
    gone.symlink_to("nothing")  # listed, and not there when it is looked at
    assert fetched(path).read_text() == "1\n"
    with replacing(path) as temporary:
        temporary.write_text("2")
    left = files.scratch_of(path) / "arriving" / "left"
    left.write_text("")

    def clock():
        left.unlink(missing_ok=True)
        return time.time()

    monkeypatch.setattr(files, "time", SimpleNamespace(time=clock))
    assert fetched(path).read_text() == "2"


def test_a_folder_that_is_not_there_is_named(s3_home):
    with pytest.raises(FileNotFoundError, match=r"s3://.*/none is not there"):
        here(s3_home / "none")


def test_the_files_that_are_shown_are_read_without_the_folder_and_mended_after_a_kill(s3_home, elsewhere):
    final = s3_home / "shard"
    _settled(final)
    assert read_json(final / "about.json") is None  # as a kill leaves it that came before the last file
    _settled(final, "a", "about.json")
    other = elsewhere(final)
    assert read_json(other / "about.json") == {"a": 1}
    assert not copy_of(other).exists()


def _dies_while_it_puts(address, scratch):
    from resources.places import place

    def dies(*_):
        os._exit(9)

    s3.upload = dies
    _settled(place(address, scratch) / "abc")


def test_a_writer_killed_before_its_folder_was_put_leaves_none(s3_home, elsewhere, tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=_dies_while_it_puts, args=(str(s3_home), tmp_path / "killed")
    )
    process.start()
    process.join(120)
    assert process.exitcode == 9
    assert not stands(s3_home / "abc")
    killed = elsewhere(s3_home, "killed")
    assert list(copy_of(killed).glob(".new-*"))
    sweep(killed)
    assert list(copy_of(killed).glob(".new-*")) == []
    _settled(killed / "abc")
    assert stands(s3_home / "abc")


def test_what_was_left_half_downloaded_goes_after_a_day(s3_home, tmp_path):
    left, under_way = tmp_path / "scratch" / "arriving" / "left", tmp_path / "scratch" / "arriving" / "new"
    left.mkdir(parents=True)
    under_way.write_text("")
    old = time.time() - files.ABANDONED_SECONDS - 60
    os.utime(left, (old, old))
    fetched(s3_home / "any")
    assert not left.exists()
    assert under_way.exists()


def test_a_bucket_that_is_not_there_is_named_with_the_mend(s3_home, elsewhere):
    nowhere = elsewhere("s3://no-such-bucket/home")
    for use in (lambda: read_json(nowhere / "a.json"), lambda: write_json(nowhere / "a.json", 1)):
        with pytest.raises(s3.NoBucket, match="no bucket no-such-bucket: create it, or set LLM_TWIN_HOME"):
            use()
