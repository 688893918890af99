"""A database that machines have in turn: the newest for each, one at a time, and what was committed stays."""

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from resources import shared_database as module
from resources.leases import LeaseLost
from resources.shared_database import newest, shared

NAME = "some.db"


def add(home, word, fail=False):
    with shared(home, NAME) as folder, contextlib.closing(sqlite3.connect(folder / NAME)) as database:
        with database:
            database.execute("CREATE TABLE IF NOT EXISTS words (word)")
            database.execute("INSERT INTO words VALUES (?)", (word,))
        if fail:
            raise ValueError("after the commit")


def words(home):
    with contextlib.closing(sqlite3.connect(newest(home, NAME))) as database:
        return sorted(word for (word,) in database.execute("SELECT word FROM words"))


def test_a_local_home_is_its_own_folder(tmp_path):
    assert newest(tmp_path, NAME) is None
    add(tmp_path, "one")
    assert newest(tmp_path, NAME) == tmp_path / NAME
    assert words(tmp_path) == ["one"]


def test_each_machine_goes_on_where_the_last_one_stopped(machine):
    assert newest(machine("a"), NAME) is None
    add(machine("a"), "one")
    add(machine("b"), "two")
    add(machine("a"), "three")
    assert words(machine("c")) == ["one", "three", "two"]


def test_what_was_committed_before_an_error_is_kept(machine):
    with pytest.raises(ValueError, match="after the commit"):
        add(machine("a"), "one", fail=True)
    assert words(machine("b")) == ["one"]


def test_machines_at_once_lose_no_word(machine):
    every = [f"{name} {number}" for name in "abc" for number in range(3)]

    def work(name):
        for number in range(3):
            add(machine(name), f"{name} {number}")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, "abc"))
    assert words(machine("d")) == every


def test_who_only_looks_puts_nothing_back(machine, monkeypatch):
    add(machine("a"), "one")
    put = []
    monkeypatch.setattr(module.s3, "upload", lambda *what: put.append(what))
    with shared(machine("b"), NAME) as folder, contextlib.closing(sqlite3.connect(folder / NAME)) as database:
        assert database.execute("SELECT count(*) FROM words").fetchone() == (1,)
    assert put == []


def test_who_lost_the_lease_puts_nothing_back(machine, monkeypatch):
    add(machine("a"), "one")

    def lost():
        raise LeaseLost(machine("b") / "locks" / NAME)

    monkeypatch.setattr(module, "check_held", lost)
    with pytest.raises(LeaseLost):
        add(machine("b"), "two")
    assert words(machine("c")) == ["one"]
