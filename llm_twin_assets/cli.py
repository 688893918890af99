"""The `llm-twin` command: run the graph, ask a twin, see how things stand, roll back, stop."""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import click
from pydantic import ValidationError

from llm_twin_assets.export_command import export
from llm_twin_assets.keys_command import keys
from llm_twin_assets.replay.command import replay
from llm_twin_assets.search_command import search
from llm_twin_assets.terminal import AS_JSON, as_lines, known, print_answer, refuse, teller
from resources.settings import Settings
from resources.twins import Twins, TwinsFileError, load_twins


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """Turns an author's writings into a deployed language model that writes like them."""
    try:
        settings = Settings()
        context.obj = (settings, load_twins(settings.config))
    except TwinsFileError as error:
        refuse(str(error))
    except ValidationError as error:
        first = error.errors()[0]
        refuse(f"setting {'.'.join(map(str, first['loc']))}: {first['msg']}")


main.add_command(search)
main.add_command(keys)
main.add_command(export)
main.add_command(replay)


@main.command()
@click.option("--twin", help="Only this twin, after the documents and the base model.")
@AS_JSON
@click.pass_obj
def run(setup: tuple[Settings, Twins], twin: str | None, as_json: bool) -> None:
    """Materialize everything, from the documents to each twin's live endpoint."""
    settings, twins = setup
    names = [known(twins, twin)] if twin else twins.names
    tell = teller(sys.stderr if as_json else sys.stdout)
    resources = _resources(settings, twins)
    with resources["store"].locks.held("llm-twin-run"):
        started = time.monotonic()
        failed = _run_all(settings, twins, names, resources, tell)
        tell(f"took {time.monotonic() - started:.0f} s")
    if as_json:
        click.echo(json.dumps({"failed": failed, "succeeded": not failed}, indent=1))
    elif not failed:
        _introduce(names, resources)
    for part, errors in failed.items():
        click.secho(f"{part} failed:\n  " + "\n  ".join(errors), fg="red", err=True)
    sys.exit(1 if failed else 0)


def _run_all(
    settings: Settings, twins: Twins, names: list[str], resources: dict[str, Any], tell: Callable[[str], None]
) -> dict[str, list[str]]:
    from llm_twin_assets.runs import Runner

    runner = Runner(settings, twins, resources, tell)
    dead = runner.bury_the_dead()
    if dead:
        tell(f"{dead} earlier run(s) whose process is gone are marked as failed")
    runner.report_sources(resources["catalog"].fingerprint())
    for job in ("documents_job", "base_job"):
        tell(job)
        errors = runner.execute(job)
        if errors:
            return {job: errors}
    failed = {}
    for name in names:
        tell(f"twin_job of {name}")
        if errors := runner.execute("twin_job", twin=name):
            failed[name] = errors
    return failed


def _introduce(names: list[str], resources: dict[str, Any]) -> None:
    documents = resources["store"].read("cleaned_documents")
    twins: Twins = resources["twins"]
    written = documents[documents["author"] == twins.twin(names[0]).author]
    question = f"What do you say about {written['title'].iloc[0]}?"
    click.echo(f"\nAsking {names[0]}: {question}\n")
    print_answer(resources["endpoint"].ask(names[0], question))
    click.echo(f"\nTalk to it at  {resources['endpoint'].status()['url']}")
    click.echo("Lineage: run `make dev`, then open http://127.0.0.1:3000")


@main.command()
@click.argument("twin")
@click.argument("question")
@AS_JSON
@click.pass_obj
def ask(setup: tuple[Settings, Twins], twin: str, question: str, as_json: bool) -> None:
    """Ask a twin a question; starts the server when none runs."""
    settings, twins = setup
    known(twins, twin)
    resources = _resources(settings, twins)
    release_id = resources["releases"].desired(twin)
    if release_id is None:
        refuse(f"twin {twin} is not deployed: run `llm-twin run --twin {twin}`")
    endpoint = resources["endpoint"]
    endpoint.ensure_running()
    endpoint.wait_until_serving(twin, release_id, settings.server_start_seconds)
    answer = endpoint.ask(twin, question)
    click.echo(json.dumps(answer, indent=1, ensure_ascii=False)) if as_json else print_answer(answer)


@main.command("status")
@click.option("--documents", is_flag=True, help="List every document, and every rejected item, instead.")
@AS_JSON
@click.pass_obj
def show_status(setup: tuple[Settings, Twins], documents: bool, as_json: bool) -> None:
    """What stands in the store, and what each twin serves."""
    from llm_twin_assets.status import listed, status

    resources = _resources(*setup)
    report = listed(resources["store"]) if documents else status(setup[1], resources)
    click.echo(json.dumps(report, indent=1, ensure_ascii=False) if as_json else as_lines(report))


@main.command("lineage")
@click.argument("release_id", required=False)
@AS_JSON
@click.pass_obj
def show_lineage(setup: tuple[Settings, Twins], release_id: str | None, as_json: bool) -> None:
    """List every twin's releases, or lead one back to the documents that it learned from."""
    from llm_twin_assets.lineage import lineage, releases
    from resources.releases import UnknownRelease

    resources = _resources(*setup)
    try:
        if release_id:
            found: dict[str, Any] = lineage(release_id, setup[1], resources)
        else:
            found = releases(setup[1], resources["releases"])
    except UnknownRelease as error:
        refuse(str(error))
    click.echo(json.dumps(found, indent=1, ensure_ascii=False) if as_json else as_lines(found))


@main.command()
@click.argument("twin")
@click.option("--to", "release_id", help="The release to go back to; the served one's parent when left out.")
@AS_JSON
@click.pass_obj
def rollback(setup: tuple[Settings, Twins], twin: str, release_id: str | None, as_json: bool) -> None:
    """Serve an earlier release again; the one left is quarantined."""
    from llm_twin_assets.runs import Runner
    from resources.releases import UnknownRelease

    settings, twins = setup
    resources = _resources(settings, twins)
    champion = resources["releases"].champion(known(twins, twin))
    chosen = release_id or (champion.parent if champion else None)
    if champion is None or chosen is None:
        refuse(f"twin {twin} has no earlier release to go back to")
    try:
        resources["releases"].manifest(twin, chosen)
    except UnknownRelease as error:
        refuse(str(error))
    runner = Runner(settings, twins, resources, teller(sys.stderr))
    config = {"ops": {"deployed_endpoint": {"config": {"release_id": chosen}}}}
    errors = runner.execute("twin_job", twin=twin, assets=["deployed_endpoint"], config=config)
    if errors:
        refuse("\n".join(errors), 1)
    told = {"twin": twin, "release_id": chosen, "left": champion.release_id}
    click.echo(json.dumps(told, indent=1) if as_json else f"{twin} serves {chosen} again")


@main.command()
@click.argument("uri")
@click.option("--dry-run", is_flag=True, help="Only show where the document is.")
@click.option("--undo", is_flag=True, help="Let an address that was forgotten be read again.")
@AS_JSON
@click.pass_obj
def forget(setup: tuple[Settings, Twins], uri: str, dry_run: bool, undo: bool, as_json: bool) -> None:
    """Take a document out of chunks, vectors and datasets, for good, and show what was made of it."""
    from llm_twin_assets import forgetting
    from llm_twin_assets.runs import Runner

    settings, twins = setup
    resources = _resources(settings, twins)
    forgotten = resources["catalog"].forgotten
    if undo:
        if not forgotten.remove(uri):
            refuse(f"{uri} was not forgotten; forgotten are: {', '.join(forgotten.uris()) or 'none'}")
        click.echo(f"{uri} is read again by the next run")
        return
    before = forgetting.footprint(uri, twins, resources)
    if not before.known and uri not in forgotten.uris():
        refuse(f"no document has the address {uri}: `llm-twin status --documents` lists them")
    errors: list[str] = []
    if not dry_run:
        runner = Runner(settings, twins, resources, teller(sys.stderr))
        with resources["store"].locks.held("llm-twin-run"):
            errors = forgetting.forget(uri, twins, resources, runner.execute)
    after = forgetting.footprint(uri, twins, resources, before)
    told = {"before": before.told(), "after": after.told(), "gone": after.is_gone, "errors": errors}
    click.echo(json.dumps(told, indent=1) if as_json else forgetting.summary(before, after, dry_run))
    if errors or not (after.is_gone or dry_run):
        refuse("\n".join(errors) or f"{uri} is not gone: see what is left above", 1)


@main.command()
@AS_JSON
@click.pass_obj
def stop(setup: tuple[Settings, Twins], as_json: bool) -> None:
    """Stop the local server, after the answers it is giving."""
    stopped = _resources(*setup)["endpoint"].stop()
    said = "the server is stopped" if stopped else "no server was running"
    click.echo(json.dumps({"stopped": stopped}) if as_json else said)


@main.command()
@click.pass_obj
def serve(setup: tuple[Settings, Twins]) -> None:
    """Be the server, in the foreground; what starts containers or services starts it again."""
    from resources.endpoint import SERVER

    os.execv(sys.executable, [sys.executable, "-m", SERVER])


@main.command()
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def dev(setup: tuple[Settings, Twins], options: tuple[str, ...]) -> None:
    """Open Dagster on this home's history: `dagster dev` with the right instance."""
    from llm_twin_assets.runs import use_instance_of

    use_instance_of(setup[0].local)
    command = [sys.executable, "-m", "dagster", "dev", "-m", "llm_twin_assets.definitions", *options]
    os.execv(sys.executable, command)


def _resources(settings: Settings, twins: Twins) -> dict[str, Any]:
    from resources.build import build_resources

    return build_resources(settings, twins)


if __name__ == "__main__":
    main()
