from resources.forgotten import Forgotten


def test_an_address_is_forgotten_once_and_for_all_processes(tmp_path):
    Forgotten(tmp_path).add("https://a/b")
    Forgotten(tmp_path).add("https://a/b")
    Forgotten(tmp_path).add("file:a.md")
    assert Forgotten(tmp_path).uris() == ["file:a.md", "https://a/b"]


def test_the_first_time_is_kept(tmp_path):
    forgotten = Forgotten(tmp_path)
    forgotten.add("a")
    before = (tmp_path / "forgotten.json").read_text()
    forgotten.add("a")
    assert (tmp_path / "forgotten.json").read_text() == before


def test_what_was_forgotten_can_be_read_again(tmp_path):
    forgotten = Forgotten(tmp_path)
    forgotten.add("a")
    assert forgotten.remove("a")
    assert not forgotten.remove("a")
    assert forgotten.uris() == []
