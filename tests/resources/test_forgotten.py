from resources.files import mark
from resources.forgotten import Forgotten


def test_an_address_is_forgotten_once_and_for_all_processes(home):
    Forgotten(home).add("https://a/b")
    Forgotten(home).add("https://a/b")
    Forgotten(home).add("file:a.md")
    assert Forgotten(home).uris() == ["file:a.md", "https://a/b"]


def test_the_first_time_is_kept(home):
    forgotten = Forgotten(home)
    forgotten.add("a")
    before = mark(home / "forgotten.json")
    forgotten.add("a")
    assert mark(home / "forgotten.json") == before


def test_what_was_forgotten_can_be_read_again(home):
    forgotten = Forgotten(home)
    forgotten.add("a")
    assert forgotten.remove("a")
    assert not forgotten.remove("a")
    assert forgotten.uris() == []
