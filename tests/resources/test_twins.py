import pytest

from resources.twins import TwinsFileError, load_twins

GOOD = """sources:
  - kind: folder
    path: texts
twins:
  - name: ada
    author: Ada Vale
    thresholds:
      min_new_words: 10
"""
WEB = """twins: [{name: ada, author: Ada Vale}]
sources:
  - kind: web
    urls:
      - https://ada.example/one
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "texts").mkdir()

    def _write(text):
        path = tmp_path / "twins.yaml"
        path.write_text(text)
        return path

    return _write


def test_paths_are_relative_to_the_file(write, tmp_path):
    twins = load_twins(write(GOOD))
    assert twins.sources[0].path == (tmp_path / "texts").resolve()
    assert twins.names == ["ada"]
    assert twins.twin("ada").thresholds.min_new_words == 10
    assert twins.twin("ada").thresholds.cooldown_minutes == 60


@pytest.mark.parametrize(
    ("broken", "line", "field", "mend"),
    [
        (GOOD.replace("    author: Ada Vale\n", ""), 5, "twins[0].author", "add this field"),
        (GOOD.replace("author:", "auther:"), 5, "twins[0].author", "add this field"),
        (GOOD.replace("kind: folder", "kind: pigeon"), 2, "sources[0].kind", "one of the values"),
        (GOOD.replace("kind: folder", "author: Ada"), 2, "sources[0].kind", "add the field kind"),
        (GOOD.replace("    path: texts\n", ""), 2, "sources[0].path", "add this field"),
        (WEB.replace("https://", "gopher://"), 5, "sources[0].urls[0]", "correct the value"),
        (
            WEB.replace("    urls:\n      - https://ada.example/one\n", ""),
            3,
            "sources[0]",
            "urls: or sitemap:",
        ),
        (WEB + "  - kind: git\n    url: nowhere\n", 7, "sources[1].url", "relative to this file"),
        (GOOD.replace("name: ada", "name: Ada Vale"), 5, "twins[0].name", "lower-case"),
        (GOOD.replace("path: texts", "path: nowhere"), 3, "sources[0].path", "relative to this file"),
        (GOOD.replace("min_new_words: 10", "min_new_words: many"), 8, "min_new_words", "correct the value"),
        (GOOD + "  - name: ada\n    author: Other\n", 9, "twins[1].name", "a name of its own"),
        (GOOD + "colour: red\n", 9, "colour", "remove it"),
        (GOOD.split("twins:")[0] + "twins: []\n", 4, "twins", "at least one"),
        ("sources: [", 1, "YAML", "correct the line"),
        ("just words", 1, "sources", "must have the fields"),
    ],
)
def test_a_mistake_is_one_message_with_file_line_field_and_mend(write, broken, line, field, mend):
    path = write(broken)
    with pytest.raises(TwinsFileError) as caught:
        load_twins(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}:"), message
    assert field in message
    assert mend in message
    assert "\n" not in message


def test_every_kind_of_source_can_be_declared(write, tmp_path):
    (tmp_path / "repository").mkdir()
    twins = load_twins(
        write(
            WEB
            + """  - {kind: feed, url: "https://ada.example/feed", author: Ada Vale}
  - {kind: git, url: repository, include: ["docs/*"]}
  - {kind: git, url: "https://git.example/ada/notes"}
  - {kind: linkedin_export, path: repository}
trusted: ["https://ada.example/on-prompts"]
"""
        )
    )
    kinds = [source.kind for source in twins.sources]
    assert kinds == ["web", "feed", "git", "git", "linkedin_export"]
    local, remote = twins.sources[2], twins.sources[3]
    assert (local.url, local.is_local) == (str((tmp_path / "repository").resolve()), True)
    assert (remote.url, remote.is_local) == ("https://git.example/ada/notes", False)
    assert twins.trusted == ["https://ada.example/on-prompts"]


def test_a_missing_file_names_the_setting(tmp_path):
    with pytest.raises(TwinsFileError, match="LLM_TWIN_CONFIG"):
        load_twins(tmp_path / "none.yaml")


def test_an_unknown_twin_is_answered_with_those_there_are(write):
    with pytest.raises(TwinsFileError, match="ada"):
        load_twins(write(GOOD)).twin("bob")
