import tarfile

import pytest

from resources.packing import BLOCK, pack, unpack


def test_a_folder_comes_back_as_it_was_its_holes_and_empty_folders_included(tmp_path):
    folder, back = tmp_path / "folder", tmp_path / "back"
    (folder / "deep" / "empty").mkdir(parents=True)
    (folder / "deep" / "words").write_bytes("wörter".encode())
    with (folder / "sparse").open("wb") as file:
        file.truncate(50 * BLOCK)
        file.seek(20 * BLOCK + 7)
        file.write(b"in the middle")
    back.mkdir()
    pack(folder, tmp_path / "packed")
    unpack(tmp_path / "packed", back)
    assert sorted(path.relative_to(back) for path in back.rglob("*")) == sorted(
        path.relative_to(folder) for path in folder.rglob("*")
    )
    assert (back / "deep" / "words").read_text(encoding="utf-8") == "wörter"
    assert (back / "sparse").read_bytes() == (folder / "sparse").read_bytes()
    assert (back / "sparse").stat().st_blocks * 512 < 3 * BLOCK
    assert (tmp_path / "packed").stat().st_size < BLOCK


@pytest.mark.parametrize("name", ["../outside", "deep/../../outside"])
def test_a_pack_that_leads_outside_is_refused(tmp_path, name):
    (tmp_path / "words").write_text("words")
    with tarfile.open(tmp_path / "packed", "w:gz") as made:
        made.add(tmp_path / "words", name, recursive=False)
        for member in made.getmembers():
            member.name = name
    target = tmp_path / "deep" / "target"
    target.mkdir(parents=True)
    with pytest.raises(tarfile.FilterError):
        unpack(tmp_path / "packed", target)
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "deep" / "outside").exists()


def test_a_pack_that_broke_off_is_refused(tmp_path):
    folder, back = tmp_path / "folder", tmp_path / "back"
    folder.mkdir()
    back.mkdir()
    (folder / "words").write_bytes(bytes(range(256)) * 4000)
    pack(folder, tmp_path / "packed")
    whole = (tmp_path / "packed").read_bytes()
    (tmp_path / "packed").write_bytes(whole[: len(whole) // 2])
    with pytest.raises((EOFError, tarfile.ReadError)):
        unpack(tmp_path / "packed", back)
