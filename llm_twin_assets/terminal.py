"""How our commands speak: errors with an exit code, progress, answers, and reports as lines."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from resources.twins import Twins, TwinsFileError

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def known(twins: Twins, name: str) -> str:
    """The name, if a twin has it; ends the command otherwise."""
    try:
        return twins.twin(name).name
    except TwinsFileError as error:
        refuse(str(error))


def refuse(message: str, code: int = 2) -> NoReturn:
    """Say what is wrong and end the command."""
    click.secho(message, fg="red", err=True)
    sys.exit(code)


def teller(stream: Any) -> Callable[[str], None]:
    """Writes lines to a stream."""
    return lambda line: click.echo(line, file=stream)


def print_answer(answer: dict[str, Any]) -> None:
    """An answer and its citations."""
    click.echo(answer["answer"])
    for number, citation in enumerate(answer["citations"], 1):
        span = f"{citation['start']}:{citation['end']}"
        click.secho(f"  [{number}] {citation['title']} ({citation['uri']}, {span})", dim=True)


def as_lines(value: dict[str, Any], indent: str = "") -> str:
    """A report, nested by indentation."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, list) and inner:
            lines += [f"{indent}{key}:", *(f"{indent}  {_line(one)}" for one in inner)]
        elif isinstance(inner, dict) and inner:
            lines += [f"{indent}{key}:", as_lines(inner, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {inner if inner not in (None, {}) else '-'}")
    return "\n".join(lines)


def _line(one: Any) -> str:
    return " | ".join(map(str, one.values())) if isinstance(one, dict) else str(one)
