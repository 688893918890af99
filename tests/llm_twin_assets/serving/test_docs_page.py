"""The page that describes the API, made from any schema."""

from llm_twin_assets.serving.docs_page import docs_page

SCHEMA = {
    "info": {"title": "A <b>title</b>"},
    "paths": {
        "/ask": {
            "post": {
                "description": "Ask <i>it</i>.",
                "parameters": [{"name": "loud", "in": "query"}],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}
                },
                "responses": {
                    "200": {"description": "an answer", "content": {"text/plain": {}}},
                    "404": {
                        "description": "none",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                    },
                },
            }
        }
    },
    "components": {
        "schemas": {"Ask": {"description": "What to ask.", "type": "object"}, "Error": {"type": "object"}}
    },
}


def test_every_operation_stands_there_with_its_fields_responses_and_types():
    page = docs_page(SCHEMA).html
    assert "<code>POST /ask</code>" in page
    assert "loud (in the query)" in page
    assert '<a href="#Ask">Ask</a>' in page
    assert "<dt>404</dt><dd>none" in page
    assert '<section id="Error">' in page
    assert "What to ask." in page


def test_what_the_schema_says_is_text():
    page = docs_page(SCHEMA).html
    assert "Ask &lt;i&gt;it&lt;/i&gt;." in page
    assert "A &lt;b&gt;title" in page
    assert "<b>" not in page


def test_it_asks_nobody_else_and_runs_nothing():
    made = docs_page(SCHEMA)
    assert "script-src 'none'" in made.headers["Content-Security-Policy"]
    assert "://" not in made.html


def test_a_schema_without_types_is_a_page_too():
    assert "</html>" in docs_page({"info": {"title": "x"}, "paths": {}}).html
