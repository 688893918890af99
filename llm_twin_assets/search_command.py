"""`llm-twin search`: what a question finds, and what each retriever gave it."""

import json
from typing import Any

import click

from llm_twin_assets.terminal import AS_JSON, known, refuse
from resources.settings import Settings
from resources.twins import Twins
from resources.vector_store import Filters

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("query")
@click.option("--twin", help="Only what this twin's author wrote.")
@click.option("--k", default=10, show_default=True, type=click.IntRange(1, 100), help="How many passages.")
@click.option("--author", help="Only what this author wrote.")
@click.option("--since", type=DAY, help="Only what was published on this day or later.")
@click.option("--until", type=DAY, help="Only what was published on this day or earlier.")
@click.option("--platform", help="Only what stands on this platform.")
@click.option("--kind", help="Only documents of this kind: article, post, repository ...")
@AS_JSON
@click.pass_obj
def search(
    setup: tuple[Settings, Twins],
    /,
    query: str,
    twin: str | None,
    k: int,
    as_json: bool,
    **narrowed: Any,
) -> None:
    """Show the passages that a question finds in the live index, with their scores."""
    from llm_twin_assets.retrieval.search import AnotherEmbedder, NoIndex, build_searcher
    from llm_twin_assets.retrieval.showing import as_text, told
    from llm_twin_assets.retrieval.spans import Spans

    settings, twins = setup
    filters, spans = _filters(twins, twin, narrowed), Spans()
    try:
        found = build_searcher(settings).search(query, k, filters, spans=spans)
    except (NoIndex, AnotherEmbedder) as error:
        refuse(str(error), 1)
    shown = told(found, spans.milliseconds())
    if as_json:
        click.echo(json.dumps(shown, indent=1, ensure_ascii=False))
    else:
        click.echo(as_text(found, shown["milliseconds"]))


def _filters(twins: Twins, twin: str | None, narrowed: dict[str, Any]) -> Filters:
    if twin and narrowed["author"]:
        refuse("--twin and --author both name an author: give one of them")
    if twin:
        narrowed["author"] = twins.twin(known(twins, twin)).author
    days = {end: narrowed[end].date().isoformat() for end in ("since", "until") if narrowed[end]}
    return Filters(**narrowed | days)
