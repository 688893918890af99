"""`llm-twin keys` on a home of its own."""

import json

import click
import pytest
from click.testing import CliRunner

from llm_twin_assets.keys_command import keys
from resources.api_keys import ApiKeys
from resources.settings import Settings
from resources.twins import load_twins

TWINS = """
sources:
- {kind: folder, path: .}
twins:
- {name: ada, author: Ada Moss}
- {name: ben, author: Ben Ferro}
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "twins.yaml").write_text(TWINS)
    return tmp_path / "home"


@pytest.fixture
def run(home):
    setup = (Settings(home=home), load_twins(home.parent / "twins.yaml"))
    return lambda *options: CliRunner().invoke(keys, options, obj=setup)


def told(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_secret_is_all_that_goes_to_standard_output_so_that_a_script_can_take_it(run, home):
    result = run("create", "ada's phone", "--twin", "ada", "--per-minute", "30")
    assert result.exit_code == 0
    key = ApiKeys(home).check(result.stdout.strip())
    assert key.name == "ada's phone"
    assert (key.twins, key.requests_per_minute) == (("ada",), 30)
    assert f"{key.key_id}  ada's phone: may ask ada, at most 30 a minute" in result.stderr
    assert "not shown again" in result.stderr


def test_a_key_without_a_twin_asks_every_twin_and_json_has_it_all(run, home):
    made = told(run("create", "all", "--json"))
    key = ApiKeys(home).check(made.pop("secret"))
    assert made["twins"] is None
    assert made["key_id"] == key.key_id
    assert set(made) == {"key_id", "name", "twins", "requests_per_minute", "created_at", "revoked_at"}


def test_several_twins(run):
    assert told(run("create", "two", "--twin", "ada", "--twin", "ben", "--json"))["twins"] == ["ada", "ben"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["a", "--twin", "ada", "--twin", "eve"], "no twin is named 'eve'; the twins file has: ada, ben"),
        (["  "], "name: it is empty"),
        (["a", "--per-minute", "0"], "0 is not in the range"),
        ([], "Missing argument 'NAME'"),
    ],
)
def test_what_makes_no_key_is_said_and_nothing_is_kept(run, home, options, said):
    result = run("create", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert ApiKeys(home).all() == []


def test_a_list_shows_every_key_and_no_secret(run, home):
    secret = run("create", "first", "--twin", "ada").stdout.strip()
    run("create", "second")
    first, second = ApiKeys(home).all()
    run("revoke", second.key_id)
    result = run("list")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{first.key_id}  first: may ask ada, made {first.created_at}"
    assert lines[1].startswith(f"{second.key_id}  second: may ask every twin, made ")
    assert ", revoked " in lines[1]
    listed = run("list", "--json")
    assert [row["name"] for row in told(listed)["keys"]] == ["first", "second"]
    assert secret not in result.output + listed.output
    assert "sha256" not in listed.output


def test_an_empty_list_says_what_that_means(run):
    assert "there are no keys: whoever reaches" in run("list").stdout
    assert told(run("list", "--json")) == {"keys": []}


def test_a_revoked_key_opens_nothing(run, home):
    secret = run("create", "lost").stdout.strip()
    key_id = ApiKeys(home).check(secret).key_id
    result = run("revoke", key_id)
    assert result.exit_code == 0
    assert ", revoked " in result.stdout
    assert ApiKeys(home).check(secret) is None
    assert told(run("revoke", key_id, "--json"))["revoked_at"]


def test_an_unknown_key_is_refused_with_the_known_ones(run, home):
    run("create", "a")
    result = run("revoke", "key_nobody")
    assert result.exit_code == 2
    assert ApiKeys(home).all()[0].key_id in result.stderr
    assert result.stderr.startswith("there is no key 'key_nobody'; there are: key_")


def test_a_spoilt_file_is_named_by_every_command(run, home):
    (home / "serving").mkdir(parents=True)
    (home / "serving" / "keys.json").write_text("{")
    for options in (["list"], ["create", "a"], ["revoke", "key_1"]):
        result = run(*options)
        assert result.exit_code in (1, 2)
        assert "keys.json is not a list of keys" in result.stderr


def test_the_group_fits_into_the_command_line(run):
    assert isinstance(keys, click.Group)
    assert set(keys.commands) == {"create", "list", "revoke"}
    assert "once there is one, nobody asks without" in run("--help").stdout
