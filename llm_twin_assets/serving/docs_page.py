"""The page at /docs: the OpenAPI schema for people to read, without a script and without another host."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from llm_twin_assets.serving.pages import Page, page

STYLE: Final = """
:root { color-scheme: light dark; }
body { max-width: 50rem; margin: 2rem auto; padding: 0 1.25rem; font: 1rem/1.6 system-ui, sans-serif; }
section { border-top: 1px solid; margin-top: 2rem; }
code, pre { font-size: .85rem; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid; }
dt { font-weight: 600; }
"""


def docs_page(schema: dict[str, Any]) -> Page:
    """The page for an OpenAPI schema: each operation with its fields and responses, then the types."""
    body = "".join([*_operations(schema["paths"]), *_types(schema.get("components", {}).get("schemas", {}))])
    title = escape(schema["info"]["title"])
    return page(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title} API</title>'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style></head><body><h1>{title} API</h1>'
        f'<p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>{body}</body></html>'
    )


def _operations(paths: dict[str, Any]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            yield f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield f"<p>{escape(operation.get('description', ''))}</p><dl>"
            for parameter in operation.get("parameters", []):
                yield f"<dt>{escape(parameter['name'])} (in the {parameter['in']})</dt><dd></dd>"
            if body := operation.get("requestBody"):
                yield f"<dt>Body</dt><dd>{_linked(body['content'])}</dd>"
            for status, response in operation["responses"].items():
                said = escape(response.get("description", ""))
                yield f"<dt>{status}</dt><dd>{said} {_linked(response.get('content', {}))}</dd>"
            yield "</dl></section>"


def _linked(content: dict[str, Any]) -> str:
    """The types of a body, as links to where they stand on this page."""
    names = [str(one.get("schema", {}).get("$ref", "")).rpartition("/")[2] for one in content.values()]
    return ", ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names if name)


def _types(types: dict[str, Any]) -> Iterator[str]:
    for name, schema in types.items():
        described = escape(schema.get("description", ""))
        fields = {key: value for key, value in schema.items() if key not in ("description", "title")}
        written = escape(json.dumps(fields, indent=2, ensure_ascii=False))
        yield f'<section id="{escape(name)}"><h2>{escape(name)}</h2><p>{described}</p>'
        yield f"<pre>{written}</pre></section>"
