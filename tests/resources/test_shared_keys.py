"""Keys and secrets of a home in S3: one for all machines, and not asked for with every request."""

from resources import api_keys
from resources.api_keys import ApiKeys, kept_secret


def test_a_key_opens_every_machine_and_a_revoked_one_none(s3_home, machine, monkeypatch):
    monkeypatch.setattr(api_keys, "LOOK_SECONDS", 0.0)
    there = ApiKeys(machine("elsewhere"))
    assert not there.any()
    key, secret = ApiKeys(s3_home).create("somebody")
    assert there.check(secret) == key
    ApiKeys(s3_home).revoke(key.key_id)
    assert there.check(secret) is None


def test_within_seconds_a_server_asks_once_and_sees_its_own_changes(s3_home, s3_server, monkeypatch):
    monkeypatch.setattr(api_keys, "LOOK_SECONDS", 600.0)
    keys = ApiKeys(s3_home)
    _, secret = keys.create("somebody")
    assert keys.check(secret)
    asked = len(s3_server.asked)
    for _ in range(20):
        assert keys.check(secret)
    assert len(s3_server.asked) == asked
    key, second = keys.create("another")
    assert keys.check(second) == key


def test_links_signed_on_one_machine_are_good_on_all(s3_home, machine):
    elsewhere = machine("elsewhere")
    assert kept_secret(s3_home, "secret") == kept_secret(elsewhere, "secret")
