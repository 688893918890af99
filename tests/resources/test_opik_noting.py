"""What an asset leaves for Opik: nothing without its variables, no network, and never an error."""

import sqlite3
from functools import partial

import pytest

from resources.opik_library import note_prompt
from resources.opik_noting import noted
from resources.opik_outbox import DATABASE, WORKS, Outbox
from resources.shared_database import shared

# Nothing answers there, and nobody is to find out.
URL = "http://192.0.2.1/api"


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No `.env` of anybody's."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPIK_URL_OVERRIDE", "OPIK_API_KEY", "OPIK_WORKSPACE", "OPIK_PROJECT_NAME"):
        monkeypatch.delenv(name, raising=False)


def test_without_the_variables_nothing_is_noted_and_nothing_said(tmp_path):
    assert noted(tmp_path, lambda place: note_prompt(tmp_path, place, "ada", "r1", "one")) == {}
    assert list(tmp_path.iterdir()) == []


def test_with_them_it_waits_on_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", URL)
    monkeypatch.setenv("OPIK_PROJECT_NAME", "twins")
    told = noted(tmp_path, lambda place: note_prompt(tmp_path, place, "ada", "r1", "one"))
    assert told == {"opik/noted": "for twins, with the next run of production_traces"}
    assert Outbox(tmp_path, f"{URL} default/twins").counts()["pending"] == 1


def test_where_there_is_nothing_to_note_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", URL)
    assert noted(tmp_path, lambda place: None) == {}


def test_with_a_home_in_s3_what_two_machines_note_is_in_one_outbox(s3_server, s3_home, tmp_path, monkeypatch):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", URL)
    for number in (1, 2):
        machine = tmp_path / f"machine {number}"
        noting = partial(note_prompt, machine, twin="ada", release_id=f"r{number}", text="one")
        assert "opik/noted" in noted(s3_server.on(s3_home, machine), noting)
    third = s3_server.on(s3_home, tmp_path / "machine 3")
    with shared(third, DATABASE) as folder:
        waiting = Outbox(folder, f"{URL} default/Default Project").pending(WORKS, 9)
    assert [entry.id for entry in waiting] == ["r1", "r2"]


@pytest.mark.parametrize("url", ["localhost:5173", "http://me:sesame@opik.example/api"])
def test_a_wrong_address_is_said_and_fails_nothing(tmp_path, monkeypatch, url):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", url)
    told = noted(tmp_path, lambda place: "noted")
    assert "OPIK_URL_OVERRIDE" in told["opik/stopped"]
    assert "sesame" not in told["opik/stopped"]


def test_a_disk_that_will_not_is_said_and_fails_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("OPIK_URL_OVERRIDE", URL)
    (tmp_path / "opik.db").write_text("this is no database, and long enough to be taken for one " * 20)
    told = noted(tmp_path, lambda place: note_prompt(tmp_path, place, "ada", "r1", "one"))
    assert "not a database" in told["opik/stopped"]
    with pytest.raises(sqlite3.DatabaseError):
        Outbox(tmp_path, URL).counts()
