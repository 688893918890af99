"""The hand-written questions, asked of the live endpoint: does it lead to the documents that answer them?

Run inside a deployment, as `smoke.py` is; the questions are those that the twins file names. A question
counts as found when its answer cites the document that it was written for. Prints a Markdown table.
"""

import statistics
import time
from typing import Any, Final

import click
import yaml
from smoke import ask

from resources.settings import Settings
from resources.twins import Twins, load_twins

SECONDS: Final = 120.0


@click.command()
@click.option("--endpoint", required=True, help="The server's address.")
@click.option("--at-least", default=0.0, help="The share of questions that must be found, for every twin.")
def main(endpoint: str, at_least: float) -> None:
    """Ask every twin every question; ends with 1 when one finds too few or one request fails."""
    twins = load_twins(Settings().config)
    questions = written(twins)
    click.echo("| twin | questions | found | declined | median seconds |\n|---|---|---|---|---|")
    poor = []
    for name in twins.names:
        found, declined, seconds = asked(endpoint, name, questions)
        click.echo(f"| {name} | {len(questions)} | {found} | {declined} | {seconds:.2f} |")
        if found < at_least * len(questions):
            poor.append(name)
    if poor:
        raise click.ClickException(f"less than {at_least:.0%} found: {', '.join(poor)}")


def written(twins: Twins) -> list[dict[str, Any]]:
    """The questions of the file that the twins file names; raises where there is none."""
    if twins.questions is None:
        raise click.ClickException("the twins file names no questions: add `questions: PATH` to it")
    questions: list[dict[str, Any]] = yaml.safe_load(twins.questions.read_text())
    return questions


def asked(endpoint: str, twin: str, questions: list[dict[str, Any]]) -> tuple[int, int, float]:
    """How many were found and how many declined, and the median time of an answer in seconds."""
    found, declined, times = 0, 0, []
    for one in questions:
        started = time.monotonic()
        answer = ask(endpoint, twin, one["question"], SECONDS)
        times.append(time.monotonic() - started)
        declined += bool(answer["declined"])
        found += any(cited["uri"].removeprefix("file:") == one["uri"] for cited in answer["citations"])
    return found, declined, statistics.median(times)


if __name__ == "__main__":
    main()
