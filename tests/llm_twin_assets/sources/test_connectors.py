import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_twin_assets.contracts import RAW_DOCUMENTS, conform
from resources.twins import FileSource

KEYS = ("added", "changed", "removed", "unchanged")


def counts(found) -> list[int]:
    return [found.table.metadata[key] for key in KEYS]


def marked(rows):
    """Rows whose titles tell that nobody parsed the document again."""
    return conform(rows.assign(title="kept"), RAW_DOCUMENTS)


def test_every_file_is_a_row_or_a_reason_or_counted(write, read):
    for name in ("a.md", "b.txt", "c.html"):
        write(name, "Words enough.")
    write("empty.md", "")
    write("picture.png")
    write("notes.odt")
    found = read()
    assert found.table.metadata["items"] == 4 == len(found.rows) + len(found.reasons)
    assert found.table.metadata["other_files"] == 2


def test_rows_are_ordered_by_id_and_true_to_the_schema(write, read):
    for name in "edcba":
        write(f"{name}.md")
    rows = read().table.rows
    assert rows["document_id"].is_monotonic_increasing
    assert conform(rows, RAW_DOCUMENTS).equals(rows)


def test_only_what_changed_is_parsed(write, read):
    for name in ("same.md", "edited.md", "gone.md"):
        write(name, f"Text of {name}.")
    first = read()
    assert counts(first) == [3, 0, 0, 0]
    write("edited.md", "Edited text.")
    write("new.md", "New text.")
    (write("gone.md")).unlink()
    second = read(previous=marked(first.table.rows))
    assert counts(second) == [1, 1, 1, 1]
    assert {name: row.title for name, row in second.rows.items()} == {
        "same.md": "kept",
        "edited.md": "edited",
        "new.md": "new",
    }
    assert second.rows["edited.md"].text == "Edited text."


def test_a_touched_file_is_unchanged(write, read):
    path = write("a.md")
    first = read()
    path.touch()
    assert counts(read(previous=first.table.rows)) == [0, 0, 0, 1]


def test_a_new_declared_author_is_a_change(write, read):
    write("a.md")
    first = read(author="Ada")
    second = read(author="Grace", previous=first.table.rows)
    assert counts(second) == [0, 1, 0, 0]
    assert second.rows["a.md"].author == "Grace"


def test_a_document_that_turns_bad_leaves_the_rows(write, read):
    write("a.md")
    first = read()
    write("a.md", b"\x00")
    second = read(previous=first.table.rows)
    assert (second.rows, second.reasons) == ({}, {"a.md": "binary"})
    assert counts(second) == [0, 0, 1, 0]


def test_articles_of_an_export_are_incremental_too(write, read):
    def export(*texts):
        articles = [
            {"link": f"https://a/{name}", "author_full_name": "Ada", "content": {"Content": text}}
            for name, text in zip("xyz", texts, strict=False)
        ]
        return FileSource(kind="handbook_export", path=write("../e.json", json.dumps(articles)).resolve())

    first = read(export("One.", "Two."))
    second = read(export("One.", "Two, edited.", "Three."), previous=marked(first.table.rows))
    assert counts(second) == [1, 1, 0, 1]
    assert second.rows["x"].title == "kept"


def test_a_file_in_two_sources_is_read_once(write, read, tmp_path):
    write("inner/a.md", "---\ntitle: A\n---\nText.")
    outer = FileSource(kind="folder", path=tmp_path / "texts", author="Outer")
    inner = FileSource(kind="folder", path=tmp_path / "texts" / "inner", author="Inner")
    found = read(outer, inner)
    assert found.rows["a.md"].author == "Outer"
    assert found.reasons == {"a.md": "duplicate_uri"}


def test_nothing_at_all_is_an_empty_table(read):
    found = read()
    assert len(found.table.rows) == 0
    assert counts(found) == [0, 0, 0, 0]


_FILES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["One.", "Two.", "", "---\n- x\n---\n"]))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_FILES, min_size=2, max_size=4))
def test_step_by_step_is_the_same_as_from_nothing(write, read, tmp_path, states):
    rows = None
    for files in states:
        for name in "abcdef":
            write(f"{name}.md").unlink()
        for name, text in files.items():
            write(f"{name}.md", text)
        rows = read(previous=rows).table.rows
    assert rows.equals(read().table.rows)
