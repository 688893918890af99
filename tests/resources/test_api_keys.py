"""Keys: what is kept of a secret, what a key may, and that no process loses another one's."""

import hashlib
import json
import stat
import subprocess
import sys
import threading

import pytest

from resources.api_keys import LOCAL, ApiKeys, UnknownKey, kept_secret, local_token

CREATE = """
import sys; from pathlib import Path; from resources.api_keys import ApiKeys
print("ready", flush=True); sys.stdin.readline()
for number in range(int(sys.argv[2])): ApiKeys(Path(sys.argv[1])).create(f"{sys.argv[3]}-{number}")
"""
TOKEN = """
import sys; from pathlib import Path; from resources.api_keys import local_token
print("ready", flush=True); sys.stdin.readline(); print(local_token(Path(sys.argv[1])))
"""


def _at_once(code, *arguments):
    """What two processes print that begin with the code at the same moment."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for process in started:
        assert process.stdout.readline().strip() == "ready"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=60)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return printed


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_known_by_its_secret_and_by_no_other(tmp_path):
    keys = ApiKeys(tmp_path)
    ada, secret = keys.create("ada's phone", ["ada"], 30)
    ben, other = keys.create("ben")
    assert secret != other
    assert keys.check(secret) == ada
    assert keys.check(other) == ben
    for wrong in ("", "ltk_", secret[:-1], secret + "x", secret.upper(), ada.key_id, "kéy", "\udc80"):
        assert keys.check(wrong) is None


def test_a_secret_has_256_bits_behind_a_mark_that_scanners_find(tmp_path):
    _, secret = ApiKeys(tmp_path).create("scanner")
    assert secret.startswith("ltk_")
    assert len(secret) - len("ltk_") == 43


def test_only_the_hash_is_kept_and_only_the_owner_reads_it(tmp_path):
    key, secret = ApiKeys(tmp_path).create("ada", ["ada"])
    path = tmp_path / "serving" / "keys.json"
    assert secret not in path.read_text()
    assert _mode(path) == 0o600
    row = json.loads(path.read_text())["keys"][0]
    assert row["sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    assert not [left for left in path.parent.iterdir() if left != path], "something else was left there"
    path.chmod(0o644)
    ApiKeys(tmp_path).revoke(key.key_id)
    assert _mode(path) == 0o600


def test_a_key_asks_its_own_twins_and_one_without_a_list_asks_everyone(tmp_path):
    keys = ApiKeys(tmp_path)
    narrow, _ = keys.create("narrow", ["ada", "ben", "ada"])
    wide, _ = keys.create("wide")
    assert narrow.twins == ("ada", "ben")
    assert [narrow.may("ada"), narrow.may("ben"), narrow.may("eve")] == [True, True, False]
    assert wide.twins is None
    assert wide.may("eve")
    assert LOCAL.may("eve")


def test_what_was_stored_is_read_back(tmp_path):
    made = [ApiKeys(tmp_path).create(*one)[0] for one in (("a", ["ada"], 5), ("b", None, None))]
    assert ApiKeys(tmp_path).all() == made
    assert made[0].requests_per_minute == 5
    assert made[0].created_at.endswith("+00:00")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("  ",), "name"), (("a", []), "twins"), (("a", None, 0), "requests_per_minute")],
)
def test_a_key_that_makes_no_sense_is_refused(tmp_path, arguments, word):
    keys = ApiKeys(tmp_path)
    with pytest.raises(ValueError, match=f"^{word}: "):
        keys.create(*arguments)
    assert keys.all() == []
    assert not (tmp_path / "serving").exists()


def test_constructing_and_looking_write_nothing(tmp_path):
    keys = ApiKeys(tmp_path)
    assert not keys.any()
    assert keys.check("ltk_x") is None
    assert list(tmp_path.iterdir()) == []


def test_a_revoked_key_opens_nothing_in_a_process_that_knew_it(tmp_path):
    server, keys = ApiKeys(tmp_path), ApiKeys(tmp_path)
    key, secret = keys.create("lost phone")
    assert server.check(secret) == key
    revoked = keys.revoke(key.key_id)
    assert revoked.revoked_at
    assert server.check(secret) is None
    assert server.all() == [revoked]
    assert not server.any()


def test_the_first_time_of_a_revocation_counts(tmp_path):
    keys = ApiKeys(tmp_path)
    key, _ = keys.create("a")
    path = tmp_path / "serving" / "keys.json"
    path.write_text(path.read_text().replace('"revoked_at": null', '"revoked_at": "2020-01-01"'))
    assert keys.revoke(key.key_id).revoked_at == "2020-01-01"
    assert keys.all()[0].revoked_at == "2020-01-01"


def test_revoking_one_leaves_the_others(tmp_path):
    keys = ApiKeys(tmp_path)
    (first, gone), (second, stays) = keys.create("first"), keys.create("second")
    keys.revoke(first.key_id)
    assert keys.check(gone) is None
    assert keys.check(stays) == second
    assert [key.name for key in keys.all()] == ["first", "second"]
    assert keys.any()


def test_an_unknown_key_cannot_be_revoked_and_the_known_ones_are_named(tmp_path):
    keys = ApiKeys(tmp_path)
    with pytest.raises(UnknownKey, match="there are: none"):
        keys.revoke("key_0")
    key, _ = keys.create("a")
    with pytest.raises(UnknownKey, match=key.key_id):
        keys.revoke("key_0")


def test_the_file_is_read_again_only_when_it_is_another_one(tmp_path, monkeypatch):
    keys = ApiKeys(tmp_path)
    _, secret = keys.create("a")
    reads, real = [], ApiKeys._stored
    monkeypatch.setattr(ApiKeys, "_stored", lambda self: reads.append(self) or real(self))
    for _ in range(5):
        assert keys.check(secret)
    assert len(reads) == 1
    ApiKeys(tmp_path).create("b")
    reads.clear()
    assert [keys.check(secret) is not None, len(keys.all()), len(reads)] == [True, 2, 1]


def test_keys_that_were_taken_away_open_nothing(tmp_path):
    keys = ApiKeys(tmp_path)
    _, secret = keys.create("a")
    assert keys.check(secret)
    (tmp_path / "serving" / "keys.json").unlink()
    assert keys.check(secret) is None
    assert not keys.any()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"keys": [{"key_id": 1}]}', '{"keys": ["a"]}', "{}"])
def test_a_spoilt_file_is_an_error_that_names_it_and_opens_nothing(tmp_path, content):
    keys = ApiKeys(tmp_path)
    _, secret = keys.create("a")
    path = tmp_path / "serving" / "keys.json"
    path.write_text(content)
    for act in (lambda: keys.check(secret), keys.all, lambda: keys.create("b")):
        with pytest.raises(ValueError, match=r"keys\.json is not a list of keys"):
            act()
    assert path.read_text() == content, "a spoilt file was written over"


def test_two_processes_that_make_keys_at_once_both_succeed(tmp_path):
    _at_once(CREATE, tmp_path, 15)
    made = [key.name for key in ApiKeys(tmp_path).all()]
    assert sorted(made) == sorted(f"{who}-{number}" for who in ("one", "two") for number in range(15))


def test_the_local_token_is_made_once_and_is_its_owners(tmp_path):
    token = local_token(tmp_path)
    path = tmp_path / "serving" / "token"
    assert len(token) >= 43
    assert _mode(path) == 0o600
    assert local_token(tmp_path) == token
    assert local_token(tmp_path / "other") != token
    assert kept_secret(tmp_path, "secret") != token


def test_processes_and_threads_that_want_the_token_first_get_the_same_one(tmp_path):
    one, two = _at_once(TOKEN, tmp_path)
    assert one == two == local_token(tmp_path)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(kept_secret(tmp_path, "secret"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_an_empty_token_file_is_filled_for_an_empty_secret_would_open_the_server(tmp_path):
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "token").write_text("\n")
    assert len(local_token(tmp_path)) >= 43
