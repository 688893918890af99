"""`llm-twin keys`: make, list and revoke the keys that open the server."""

import json
from dataclasses import asdict

import click

from llm_twin_assets.terminal import AS_JSON, known, refuse
from resources.api_keys import ApiKey, ApiKeys, UnknownKey
from resources.settings import Settings
from resources.twins import Twins


@click.group()
def keys() -> None:
    """API keys of the server: once there is one, nobody asks without."""


@keys.command()
@click.argument("name")
@click.option("--twin", "names", multiple=True, help="A twin it may ask; every twin when left out.")
@click.option("--per-minute", type=click.IntRange(min=1), help="How many requests; the settings' limit else.")
@AS_JSON
@click.pass_obj
def create(
    setup: tuple[Settings, Twins], name: str, names: tuple[str, ...], per_minute: int | None, as_json: bool
) -> None:
    """Make a key for somebody or something called NAME, and show its secret, once."""
    settings, twins = setup
    scope = [known(twins, one) for one in names] or None
    try:
        key, secret = ApiKeys(settings.home).create(name, scope, per_minute)
    except ValueError as error:
        refuse(str(error))
    if as_json:
        click.echo(json.dumps(asdict(key) | {"secret": secret}, indent=1, ensure_ascii=False))
        return
    click.echo(secret)
    click.secho(f"{_line(key)}\nThe secret above is not kept and is not shown again.", dim=True, err=True)


@keys.command("list")
@AS_JSON
@click.pass_obj
def list_keys(setup: tuple[Settings, Twins], as_json: bool) -> None:
    """Show every key that was ever made; secrets are not kept."""
    try:
        made = ApiKeys(setup[0].home).all()
    except ValueError as error:
        refuse(str(error), 1)
    if as_json:
        click.echo(json.dumps({"keys": [asdict(key) for key in made]}, indent=1, ensure_ascii=False))
    else:
        nothing = "there are no keys: whoever reaches this machine's loopback address may ask"
        click.echo("\n".join(map(_line, made)) or nothing)


@keys.command()
@click.argument("key_id")
@AS_JSON
@click.pass_obj
def revoke(setup: tuple[Settings, Twins], key_id: str, as_json: bool) -> None:
    """Let the key KEY_ID open nothing from now on, also in a server that runs."""
    try:
        key = ApiKeys(setup[0].home).revoke(key_id)
    except (UnknownKey, ValueError) as error:
        refuse(str(error.args[0]))
    click.echo(json.dumps(asdict(key), indent=1, ensure_ascii=False) if as_json else _line(key))


def _line(key: ApiKey) -> str:
    scope = "every twin" if key.twins is None else ", ".join(key.twins)
    limit = f", at most {key.requests_per_minute} a minute" if key.requests_per_minute else ""
    ended = f", revoked {key.revoked_at}" if key.revoked_at else ""
    return f"{key.key_id}  {key.name}: may ask {scope}{limit}, made {key.created_at}{ended}"
