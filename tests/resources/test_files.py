import pytest

from resources.files import read_json, replacing, settle, sweep, write_json


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("stopped in the middle")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_round_trip_and_absence(tmp_path):
    write_json(tmp_path / "deep" / "a.json", {"é": [1, None]})
    assert read_json(tmp_path / "deep" / "a.json") == {"é": [1, None]}
    assert read_json(tmp_path / "none.json") is None


def test_settle_keeps_what_already_stands_under_the_hash(tmp_path):
    final = tmp_path / "abc"
    for content in ("first", "second"):
        new = tmp_path / f".new-{content}"
        new.mkdir()
        (new / "file").write_text(content)
        settle(new, final)
    assert (final / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [final]


def test_sweep_removes_only_what_killed_writers_left(tmp_path):
    (tmp_path / ".new-x").mkdir()
    (tmp_path / ".part.parquet.tmp").write_text("")
    (tmp_path / "kept").write_text("")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    sweep(tmp_path / "not there")
