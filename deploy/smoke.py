"""Does a deployment work? Run inside it, as a one-off task of its own image.

`check` looks whether Dagster has loaded the code and its daemons live, lets `smoke_job` materialize the
whole graph in a home of its own, and asks the live endpoint one question. It ends with 1 at the first thing
that fails. The key is taken from LLM_TWIN_CLIENT_KEY.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import click
import httpx

STATE: Final = """{
  workspaceOrError {
    __typename
    ... on Workspace {
      locationEntries { name loadStatus locationOrLoadError { __typename ... on PythonError { message } } }
    }
    ... on PythonError { message }
  }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}"""
OURS: Final = ("LLM_TWIN_", "QDRANT_", "OPIK_", "DAGSTER_")
PAUSE_SECONDS: Final = 2.0


@click.group()
def main() -> None:
    """Try a deployment."""


@main.command()
@click.option("--dagster", required=True, help="The webserver's address.")
@click.option("--endpoint", required=True, help="The server's address.")
@click.option("--twin", required=True, help="Whom the job is run for, and who is asked.")
@click.option("--question", default="What do you write about?")
@click.option("--seconds", default=900.0, help="How long each step may take.")
@click.option("--first", is_flag=True, help="Nothing was ever released here: there is nobody to ask yet.")
def check(dagster: str, endpoint: str, twin: str, question: str, seconds: float, first: bool) -> None:
    """Dagster, then the job, then the endpoint."""
    wait_for("Dagster", lambda: trouble_of_dagster(dagster), seconds)
    materialize(twin, seconds)
    if first:
        click.echo("asking: left out, nothing was ever released here")
        return
    wait_for("the endpoint", lambda: trouble_of_endpoint(endpoint, twin), seconds)
    answer = ask(endpoint, twin, question, seconds)
    click.echo(f"asking: {twin} answered as {answer['release_id']}: {answer['answer'][:200]}")


@main.command()
@click.argument("twin")
def job(twin: str) -> None:
    """Materialize `smoke_job` for a twin in LLM_TWIN_HOME, whatever that is."""
    from resources.settings import Settings
    from resources.twins import load_twins

    # Before what takes seconds to import.
    settings = Settings()
    twins = load_twins(settings.config)
    from llm_twin_assets.runs import Runner
    from resources.build import build_resources

    resources = build_resources(settings, twins)
    try:
        errors = Runner(settings, twins, resources, click.echo).execute("smoke_job", twin=twin)
    finally:
        resources["endpoint"].stop()
    if errors:
        raise click.ClickException("\n".join(errors))


def wait_for(what: str, trouble: Callable[[], str | None], seconds: float) -> None:
    """Ask until there is no trouble; raises with the last one once the time is over."""
    deadline = time.monotonic() + seconds
    while said := trouble():
        if time.monotonic() > deadline:
            raise click.ClickException(f"{what} is not well after {seconds:.0f} s: {said}")
        time.sleep(PAUSE_SECONDS)
    click.echo(f"{what}: well")


def trouble_of_dagster(url: str) -> str | None:
    """What is wrong with the webserver, the code location or a daemon; nothing when all are well."""
    try:
        reply = httpx.post(f"{url}/graphql", json={"query": STATE}, timeout=30).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        return f"{url} does not answer: {error}"
    workspace = reply["data"]["workspaceOrError"]
    if "locationEntries" not in workspace:
        return f"the workspace did not load: {workspace.get('message')}"
    daemons = reply["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
    dead = [one["daemonType"] for one in daemons if one["required"] and not one["healthy"]]
    if unloaded := _unloaded(workspace["locationEntries"]):
        return unloaded
    return f"daemons without a heartbeat: {', '.join(dead)}" if dead else None


def _unloaded(entries: list[dict[str, Any]]) -> str | None:
    for entry in entries:
        found = entry["locationOrLoadError"] or {}
        if entry["loadStatus"] != "LOADED" or found.get("__typename") != "RepositoryLocation":
            return f"location {entry['name']} did not load: {found.get('message', entry['loadStatus'])}"
    return None if entries else "the workspace names no code location"


def materialize(twin: str, seconds: float) -> None:
    """Run `smoke_job` with the embedded defaults, in a folder or prefix of its own below LLM_TWIN_HOME."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    kept |= {name: os.environ[name] for name in ("LLM_TWIN_CONFIG",) if name in os.environ}
    above = os.environ.get("LLM_TWIN_HOME", ".llm_twin").rstrip("/")
    home = f"{above}/smoke/{time.strftime('%Y%m%dT%H%M%S')}"
    own = {"LLM_TWIN_HOME": home, "LLM_TWIN_HOST": "127.0.0.1", "LLM_TWIN_PORT": "0"}
    command = [sys.executable, __file__, "job", twin]
    try:
        code = subprocess.run(command, env=kept | own, timeout=seconds, check=False).returncode
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"smoke_job has not ended in {seconds:.0f} s") from None
    if code:
        raise click.ClickException(f"smoke_job failed in {home}: its log stands above")
    click.echo(f"smoke_job: materialized in {home}")


def trouble_of_endpoint(url: str, twin: str) -> str | None:
    """Why the twin cannot be asked yet; nothing when it serves."""
    try:
        state = httpx.get(f"{url}/readyz", timeout=30).json()
    except (httpx.HTTPError, ValueError) as error:
        return f"{url} does not answer: {error}"
    stands = state["twins"].get(twin)
    return None if stands and stands.get("release_id") else f"twin {twin} serves no release: {state}"


def ask(url: str, twin: str, question: str, seconds: float) -> dict[str, Any]:
    """The answer as `POST /rag` gives it; raises with what the server said instead, never with the key."""
    key = os.environ.get("LLM_TWIN_CLIENT_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = {"query": question, "twin": twin}
    try:
        reply = httpx.post(f"{url}/rag", json=body, headers=headers, timeout=seconds)
    except httpx.HTTPError as error:
        raise click.ClickException(f"{url} did not answer: {type(error).__name__}") from None
    if reply.status_code != httpx.codes.OK:
        raise click.ClickException(f"{url} answered {reply.status_code}: {reply.text[:500]}")
    answer: dict[str, Any] = reply.json()
    if not answer.get("answer"):
        raise click.ClickException(f"{url} answered without an answer: {reply.text[:500]}")
    return answer


if __name__ == "__main__":
    main()
