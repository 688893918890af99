"""`llm-twin replay`: watch the loop act, on a copy of the home, in fast time."""

import sys
from pathlib import Path

import click

from llm_twin_assets.terminal import known, refuse, teller
from resources.settings import Settings
from resources.twins import Twins

STREAM = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--twin", help="Which twin; the first of the twins file when left out.")
@click.option("--stream", type=STREAM, help="What to play, as JSON lines; four scenes when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as one line of JSON.")
@click.pass_obj
def replay(setup: tuple[Settings, Twins], twin: str | None, stream: Path | None, as_json: bool) -> None:
    """Play questions, new documents and feedback through a copy of the system, and show what it does."""
    from llm_twin_assets.replay.performing import NotPlayed, perform
    from llm_twin_assets.replay.stream import StreamError, read_stream

    settings, twins = setup
    name = known(twins, twin or twins.names[0])
    try:
        events = read_stream(stream) if stream else None
        page = perform(
            settings,
            twins,
            name,
            events,
            teller(sys.stderr),
            lambda entry: click.echo(entry.as_json() if as_json else entry.as_line()),
        )
    except (NotPlayed, StreamError) as error:
        refuse(str(error))
    click.echo(f"\nThe timeline as a page: {page}", err=as_json)
