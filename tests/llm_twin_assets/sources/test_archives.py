import io
import struct
import zipfile

import pytest

from llm_twin_assets.reasons import Reason
from llm_twin_assets.sources import archives
from llm_twin_assets.sources.archives import MAX_MEMBERS, Archive, zipped
from llm_twin_assets.sources.reading import MAX_BYTES, Refused


def packed(members, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def refusal(call):
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def test_members_are_read_by_position():
    archive = Archive(packed({"a.txt": "One", "folder/": "", "folder/b.txt": "Two"}))
    assert archive.names == ["a.txt", "folder/b.txt"]
    assert [archive.read(0), archive.read(1)] == [b"One", b"Two"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "C:\\x", "a\nb"])
def test_names_lead_nowhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = Archive(packed({name: "mine"}))
    assert archive.read(0) == b"mine"
    assert list(tmp_path.iterdir()) == []


def test_unwanted_members_and_shadows_are_not_counted():
    members = {"a.txt": "One", "big.bin": b"0" * (MAX_BYTES + 1), "__MACOSX/._a.txt": "x", "b/._a.txt": "y"}
    assert Archive(packed(members), lambda name: name.endswith(".txt")).names == ["a.txt"]


# Named, because a zip file holds the second it was made in and each test process makes its own.
NO_ZIP_FILES = {"empty": b"", "text": b"no zip", "cut": packed({"a": "One" * 99})[:-30], "end": b"PK\x05\x06"}


@pytest.mark.parametrize("data", NO_ZIP_FILES.values(), ids=NO_ZIP_FILES)
def test_what_is_no_zip_file_is_refused(data):
    assert refusal(lambda: Archive(data)).reason == Reason.UNREADABLE


def test_a_damaged_member_costs_itself():
    data = packed({"a": "One of two", "b": "Two"}, zipfile.ZIP_STORED).replace(b"One of two", b"One of six")
    archive = Archive(data)
    assert refusal(lambda: archive.read(0)).reason == Reason.UNREADABLE
    assert archive.read(1) == b"Two"


def test_an_encrypted_member_is_refused():
    data = bytearray(packed({"a": "One"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    refused = refusal(lambda: Archive(bytes(data)).read(0))
    assert (refused.reason, "encrypted" in refused.detail) == (Reason.UNREADABLE, True)


def test_other_ways_of_packing_are_refused():
    data = packed({"a": "One"}, zipfile.ZIP_BZIP2)
    assert refusal(lambda: Archive(data).read(0)).reason == Reason.UNREADABLE


def test_a_member_above_the_limit_costs_itself():
    archive = Archive(packed({"a": b"0" * (MAX_BYTES + 1), "b": b"0" * MAX_BYTES}))
    assert refusal(lambda: archive.read(0)).reason == Reason.TOO_LARGE
    assert len(archive.read(1)) == MAX_BYTES


def test_a_bomb_is_refused_before_anything_is_unpacked(monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 3000)
    data = packed({str(number): b"0" * 1001 for number in range(3)})
    assert refusal(lambda: Archive(data)).reason == Reason.TOO_LARGE
    assert len(Archive(packed({str(number): b"0" * 1000 for number in range(3)})).names) == 3


def test_a_bomb_that_states_a_small_size_is_cut():
    data = bytearray(packed({"a": b"0" * 50_000_000}))
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 1000)
    struct.pack_into("<I", data, 22, 1000)
    assert refusal(lambda: Archive(bytes(data)).read(0)).reason == Reason.UNREADABLE


def test_too_many_members_are_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(MAX_MEMBERS + 1):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    assert refusal(lambda: Archive(out.getvalue())).reason == Reason.TOO_MANY


def test_an_unpacked_folder_is_the_same_archive_each_time(tmp_path):
    folder = tmp_path / "export"
    (folder / "posts").mkdir(parents=True)
    (folder / "posts" / "b.html").write_bytes(b"Two")
    (folder / "a.csv").write_bytes(b"One")
    (folder / "link.html").symlink_to("/etc/hostname")
    archive = Archive(zipped(folder))
    assert archive.names == ["a.csv", "posts/b.html"]
    assert archive.read(1) == b"Two"
    before = zipped(folder)
    (folder / "a.csv").write_bytes(b"One")
    assert zipped(folder) == before


def test_a_folder_above_the_limits_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"0" * 11)
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 10)
    assert refusal(lambda: zipped(tmp_path)).reason == Reason.TOO_LARGE
    monkeypatch.setattr(archives, "MAX_MEMBERS", 0)
    assert refusal(lambda: zipped(tmp_path)).reason == Reason.TOO_MANY
